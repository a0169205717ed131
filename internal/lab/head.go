package lab

import (
	"bufio"
	"bytes"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// errHead is an error in a request head: it is not HTTP/1, or it is too large. Errors of the
// connection have other types.
type errHead struct{ reply reply }

// Error returns the text of the reply.
func (e *errHead) Error() string { return e.reply.text }

func badHead(status int, text string) error {
	return &errHead{reply{status: status, text: text + "\n"}}
}

// readHead reads a request head and parses it strictly by RFC 9112, after repair, which may be nil,
// has changed it. Unlike net/http it leaves every Host in the fields. br holds at least maxHead
// bytes.
func readHead(br *bufio.Reader, repair func(string) string) (*http.Request, error) {
	head, err := readLines(br)
	if err != nil {
		return nil, err
	}
	if repair != nil {
		head = repair(head)
	}
	line, fields, _ := strings.Cut(head, "\r\n")
	r, err := parseRequestLine(line)
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(fields) {
		name, value, ok := strings.Cut(strings.TrimSuffix(line, "\r\n"), ":")
		value = strings.Trim(value, " \t")
		if !ok || !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(value) {
			return nil, badHead(http.StatusBadRequest, "malformed field")
		}
		r.Header.Add(name, value)
	}
	r.Host = r.Header.Get("Host")
	return r, announceContent(r)
}

// readLines reads the lines of a head up to the empty one, which is left out. One empty line before
// them is skipped (RFC 9112 §2.2).
func readLines(br *bufio.Reader) (string, error) {
	var head strings.Builder
	for first := true; ; first = false {
		line, err := br.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) || head.Len()+len(line) > maxHead {
			return "", badHead(http.StatusRequestHeaderFieldsTooLarge, "head too large")
		}
		if err != nil {
			return "", err
		}
		if !bytes.HasSuffix(line, []byte("\r\n")) {
			return "", badHead(http.StatusBadRequest, "line without CR LF")
		}
		if len(line) > len("\r\n") {
			head.Write(line)
		} else if !first {
			return head.String(), nil
		}
	}
}

// parseRequestLine splits a request-line (RFC 9112 §3).
func parseRequestLine(line string) (*http.Request, error) {
	words := strings.Split(line, " ")
	if len(words) != 3 || !httpguts.ValidHeaderFieldName(words[0]) {
		return nil, badHead(http.StatusBadRequest, "malformed request line")
	}
	major, minor, ok := http.ParseHTTPVersion(words[2])
	if !ok {
		return nil, badHead(http.StatusBadRequest, "malformed version")
	}
	if major != 1 {
		return nil, badHead(http.StatusHTTPVersionNotSupported, "not HTTP/1")
	}
	target, err := url.ParseRequestURI(words[1])
	if words[0] == http.MethodConnect {
		target, err = url.Parse("//" + words[1])
	}
	if err != nil {
		return nil, badHead(http.StatusBadRequest, "malformed target")
	}
	return &http.Request{
		Method: words[0], RequestURI: words[1], URL: target,
		Proto: words[2], ProtoMajor: major, ProtoMinor: minor, Header: http.Header{},
	}, nil
}

// announceContent records how the head frames its body, or returns an error if the framing is
// ambiguous (RFC 9112 §6.3).
func announceContent(r *http.Request) error {
	r.TransferEncoding = r.Header["Transfer-Encoding"]
	lengths := r.Header["Content-Length"]
	if len(lengths) == 0 {
		return nil
	}
	n, err := strconv.ParseUint(lengths[0], 10, 63)
	if err != nil || len(lengths) > 1 || len(r.TransferEncoding) > 0 {
		return badHead(http.StatusBadRequest, "ambiguous content")
	}
	r.ContentLength = int64(n)
	return nil
}
