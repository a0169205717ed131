package report

import (
	"fmt"
	"net"
	"regexp"
	"strings"

	"github.com/interlock-proxy/interlock/rules"
)

// Again is a command that sends the request of a ruling once more, without Interlock: its head as it was, with secrets
// blanked out as everywhere. It is empty where there is no request.
func Again(r *rules.Ruling) string {
	s, err := show(r)
	if err != nil || len(s.Request.Head) == 0 {
		return ""
	}
	host, port := server(r)
	connect := "nc " + host + " " + port
	if r.X.BackendTLS {
		connect = "openssl s_client -quiet -connect '" + net.JoinHostPort(host, port) + "'"
	}
	return "printf '" + format(s.Request.Head) + "' | " + connect
}

// harmless is what a host may look like for a shell to read it as one word.
var harmless = regexp.MustCompile(`^[0-9A-Za-z][-.0-9A-Za-z]*$|^[0-9A-Fa-f:.]+$`)

// server is where the request went or, if that is not known, where its Host field says it is for.
func server(r *rules.Ruling) (host, port string) {
	address := r.X.Backend
	if address == "" {
		address, _ = r.X.Request.Value("Host")
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		host, port = address, "80"
		if r.X.BackendTLS {
			port = "443"
		}
	}
	if !harmless.MatchString(host) || !harmless.MatchString(port) || strings.Contains(port, ":") {
		return "HOST", "PORT"
	}
	return host, port
}

// format is bytes as the first argument of printf(1) between single quotation marks.
func format(b []byte) string {
	var s strings.Builder
	for _, c := range b {
		switch {
		case c == '\r':
			s.WriteString(`\r`)
		case c == '\n':
			s.WriteString(`\n`)
		case c == '%':
			s.WriteString("%%")
		case c < ' ', c > '~', c == '\'', c == '\\':
			fmt.Fprintf(&s, `\%03o`, c)
		default:
			s.WriteByte(c)
		}
	}
	return s.String()
}
