package run

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/interlock-proxy/interlock/internal/chain"
)

// inHTTP2 says whether a hop lets WebSockets over HTTP/2 through.
func (c *Chaining) inHTTP2(h *passed) string {
	switch {
	case h.report.Streams:
		return "a WebSocket over HTTP/2 passes"
	case h.report.HTTP2:
		return "no WebSocket over HTTP/2 passes, and what needs one is n/a"
	}
	return "it does not speak HTTP/2"
}

// versionsAt writes whether HTTP/2 passes, and the questions that a hop passes in one version and fails in the
// other.
func (c *Chaining) versionsAt(t *probeText, b *bytes.Buffer, h *passed) {
	if c.versions == chain.HTTP1 || len(h.results) == 0 {
		return
	}
	t.entry(b, " ", "HTTP/2: "+c.inHTTP2(h))
	for _, v := range [...]chain.Versions{chain.HTTP1, chain.HTTP2} {
		var all []string
		for _, d := range chain.Differences(h.results) {
			if d.Holds == v {
				all = append(all, fmt.Sprintf("%s (passes as %s)", d.Failed, d.Passed))
			}
		}
		switch {
		case len(all) == 0:
		case v == chain.HTTP1:
			t.entry(b, " ", "fails in HTTP/2 only: "+strings.Join(all, ", "))
		default:
			t.entry(b, " ", "fails in HTTP/1.1 only: "+strings.Join(all, ", "))
		}
	}
}

// differenceJSON is a question that a hop passes in one version of HTTP and fails in the other.
type differenceJSON struct {
	Holds  string `json:"holds"` // 1.1 or 2
	Passed string `json:"passed"`
	Failed string `json:"failed"`
}

func (h *passed) differences() (all []differenceJSON) {
	for _, d := range chain.Differences(h.results) {
		holds := "1.1"
		if d.Holds == chain.HTTP2 {
			holds = "2"
		}
		all = append(all, differenceJSON{holds, d.Passed, d.Failed})
	}
	return all
}
