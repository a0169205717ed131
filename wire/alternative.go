package wire

import (
	"bytes"
	"strings"

	"github.com/interlock-proxy/interlock/wire/h2"
)

// pointsToHTTP3 reports whether a response says that its service is there in HTTP/3 too (RFC 7838 §3, RFC 9114
// §3.1.1), which is not read.
func (h *Head) pointsToHTTP3() bool {
	for e := range h.Elements("Alt-Svc") {
		if isHTTP3(h.Text(e)) {
			return true
		}
	}
	return false
}

// pointToHTTP3 is the same for the head of a response in HTTP/2.
func pointToHTTP3(fields []h2.Field) bool {
	for _, f := range fields {
		if f.Name != "alt-svc" {
			continue
		}
		for each := range strings.SplitSeq(f.Value, ",") {
			if isHTTP3([]byte(each)) {
				return true
			}
		}
	}
	return false
}

// isHTTP3 reports whether an alternative is one of HTTP/3, or of a draft of it.
func isHTTP3(alternative []byte) bool {
	protocol, _, _ := bytes.Cut(bytes.TrimSpace(alternative), []byte{'='})
	return string(protocol) == "h3" || bytes.HasPrefix(protocol, []byte("h3-"))
}
