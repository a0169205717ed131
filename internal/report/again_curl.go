package report

import (
	"net"
	"regexp"
	"strings"
)

var (
	// curlLine is a request line that curl can send.
	curlLine = regexp.MustCompile(`^([A-Z]+) (/[!-"$-~]*) HTTP/1\.1\r\n$`)
	// curlHeader is a header line that curl can send.
	curlHeader = regexp.MustCompile("^([-!#$%&*+.^_`|~0-9A-Za-z]+): ([!-~](?:[ -~]*[!-~])?)\r\n$")
)

// curl is the command that sends a request with curl, with the same header lines in an order of curl's own. It is nil where
// curl cannot send that request: it writes only heads that are well-formed, and each header once.
func curl(head string, to *place) []string {
	lines := strings.SplitAfter(strings.TrimSuffix(head, "\r\n"), "\n")
	request := curlLine.FindStringSubmatch(lines[0])
	if request == nil || !strings.HasSuffix(head, "\r\n\r\n") || to.path != "" || to.hostHeader == "" {
		return nil
	}
	words := []string{"curl -isS --http1.1 -m 3 -g --path-as-is"}
	switch method := request[1]; method {
	case "GET":
	case "HEAD":
		words = append(words, "-I")
	default:
		words = append(words, "-X "+method)
	}
	seen := map[string]bool{}
	for _, line := range lines[1 : len(lines)-1] {
		h := curlHeader.FindStringSubmatch(line)
		if h == nil {
			return nil
		}
		name := strings.ToLower(h[1])
		switch name {
		case "content-length", "transfer-encoding", "expect":
			return nil
		}
		if seen[name] {
			return nil
		}
		seen[name] = true
		if name != "host" || h[2] != net.JoinHostPort(to.host, to.port) || to.tls {
			words = append(words, "-H "+word(h[1]+": "+h[2]))
		}
	}
	for _, name := range []string{"User-Agent", "Accept"} {
		if !seen[strings.ToLower(name)] {
			words = append(words, "-H '"+name+":'")
		}
	}
	address := net.JoinHostPort(to.host, to.port)
	if !to.tls {
		return append(words, word("http://"+address+request[2]))
	}
	if to.name != "" && to.name != to.host {
		words = append(words, "--connect-to "+word(net.JoinHostPort(to.name, to.port)+":"+address))
		address = net.JoinHostPort(to.name, to.port)
	}
	return append(words, "-k "+word("https://"+address+request[2]))
}
