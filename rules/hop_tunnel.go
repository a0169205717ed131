package rules

import (
	"bytes"
	"fmt"

	"github.com/interlock-proxy/interlock/wire"
)

var _ = register(Rule{
	ID: "UPGRADE-HOP-TAIL-LOST", Level: Must, Party: Intermediary, Hop: true,
	Severity: Severities{Refused: High, Switched: High}, Since: "0.1",
	Versions: AnyVersion,
	Title:    "A proxy forwards every byte of a tunnel, from the first one after the heads to the last one",
	Problem: Problems{
		Switched: "Proxy lost %s of the tunnel",
	},
	Label: "Bytes of the tunnel lost in proxy",
	Refs: []Ref{
		{"9110", "7.8", "the new protocol begins directly after the empty line of the 101"},
		{"9110", "9.3.6", "a tunnel is closed only after what one side sent has reached the other"},
	},
	Why: `Bytes that arrive together with the request or the 101 are in the buffer of the proxy's HTTP
reader. A proxy that then copies between the connections forwards later bytes only: the first
message vanishes, or half a frame does and the rest is read as nonsense. It depends on timing, so
it is seen rarely and never understood.`,
	Fix: `Send what the reader has buffered before you start to copy, in both directions; when one
	side ends, send the rest before you close.
Go: use the bufio.ReadWriter that Hijack returns, not only the connection.`,
	When: func(c *Case) bool {
		return c.switched && c.farSwitched() && c.X.Complete && c.far().Complete && !c.X.After.Opaque && !c.far().After.Opaque &&
			!announces(&c.far().Response.Head) && (extended(c) || askedFor(c, c.far().Response)) // they have rules of their own
	},
	Judge: func(c *Case) Result {
		near, far := &c.X.After, &c.far().After
		if lostInTunnel(c) == "" && c.X.Hop.Blanked && !(begins(near.Client, far.Client) && begins(near.Server, far.Server)) {
			return c.result(NotApplicable) // lost, or changed on the way
		}
		return c.passIf(lostInTunnel(c) == "")
	},
	Show: func(c *Case, _ Result) Shown { return seen(c.inResponse(), lostInTunnel(c)) },
})

// lostInTunnel says which bytes of the tunnel did not arrive on the other side; empty if none are
// known to be lost.
func lostInTunnel(c *Case) string {
	near, far := c.X, c.far()
	if c.saw(wire.SightFirstLost) {
		return "what the server sent with its 101"
	}
	if n := c.lostAtStart(far.After.Server, near.After.Server, near.Cause == wire.CauseServer); n > 0 {
		return fmt.Sprintf("the server's first %s", countOf(int64(n)))
	}
	if n := c.lostAtStart(near.After.Client, far.After.Client, far.Cause == wire.CauseClient); n > 0 {
		return fmt.Sprintf("the client's first %s", countOf(int64(n)))
	}
	if !near.After.Ended || !far.After.Ended || !begins(near.After.Server, far.After.Server) || !begins(near.After.Client, far.After.Client) {
		return "" // it is not over, or the proxy writes frames of its own
	}
	if n := far.After.ServerBytes - near.After.ServerBytes; n > 0 && near.Cause == wire.CauseServer && far.Cause == wire.CauseServer {
		return fmt.Sprintf("the server's last %s", countOf(n))
	}
	if n := near.After.ClientBytes - far.After.ClientBytes; n > 0 && near.Cause == wire.CauseClient && far.Cause == wire.CauseClient {
		return fmt.Sprintf("the client's last %s", countOf(n))
	}
	return ""
}

func countOf(n int64) string {
	if n == 1 {
		return "byte"
	}
	return fmt.Sprintf("%d bytes", n)
}

// lostAtStart returns how many of the first bytes of a sender did not arrive: what arrived begins
// later in what was sent, or nothing arrived before the connection to the receiver was closed in
// good order. What was changed on the way is not lost.
func (c *Case) lostAtStart(sent, got []byte, ended bool) int {
	switch {
	case len(sent) == 0 || begins(sent, got) && len(got) > 0, len(got) > 0 && c.X.Hop.Blanked:
		return 0
	case len(got) == 0 && ended:
		return len(sent)
	case len(got) == 0:
		return 0
	}
	const few = 8 // fewer bytes may be found by chance
	if i := bytes.Index(sent, got[:min(len(got), 64)]); i > 0 && (len(got) >= few || i+len(got) == len(sent)) {
		return i
	}
	return 0
}

var _ = register(Rule{
	ID: "UPGRADE-HOP-101-FRAMED", Level: Must, Party: Intermediary, Hop: true,
	Severity: Severities{Refused: High, Switched: High}, Since: "0.1",
	Versions: AnyVersion,
	Title:    "A proxy ignores and removes Content-Length and Transfer-Encoding in a 101",
	Problem: Problems{
		Switched: "Proxy read the first bytes after a 101 as its content (%s): it lost %s",
		Refused:  "Proxy read the first bytes after a 101 as its content (%s): it lost %s",
	},
	Label: "Framing of a 101 believed by proxy",
	Refs: []Ref{
		{"9110", "8.6", "a 1xx response has no Content-Length"},
		{"9112", "6.1", "a 1xx response has no Transfer-Encoding"},
		{"9112", "6.3", "a 101 ends with its headers, whatever they say"},
	},
	Why: `The proxy takes the beginning of the tunnel for content: it vanishes, or is held back until the
announced length has come. If the header is forwarded, the same may happen in every proxy and client
after this one.`,
	Fix: `After the empty line of a 101 send everything on unchanged, and remove both headers.`,
	When: func(c *Case) bool {
		return c.X.Outcome == wire.Switched && c.farSwitched() && c.X.Complete && announces(&c.far().Response.Head)
	},
	Judge: func(c *Case) Result {
		switch {
		case lostInTunnel(c) != "":
			return c.result(Fail)
		case announces(&c.X.Response.Head) && c.X.Request.HTTP2():
			return c.result(Warn).rated(Medium) // to strict clients the response is malformed (RFC 9113 §8.1.1)
		case announces(&c.X.Response.Head):
			return c.result(Warn).rated(Low)
		}
		return c.result(Pass)
	},
	Show: func(c *Case, r Result) Shown {
		at, h := c.inResponse("Content-Length", "Transfer-Encoding"), &c.far().Response.Head
		header := "Content-Length"
		if !h.Has(header) {
			header = "Transfer-Encoding"
		}
		switch {
		case r.Verdict == Warn && c.X.Request.HTTP2():
			return says("Proxy opened a tunnel in HTTP/2 with %s in the response", at, header)
		case r.Verdict == Warn:
			return says("Proxy forwarded %s in a 101", at, header)
		}
		return seen(at, header, lostInTunnel(c))
	},
})

func announces(h *wire.Head) bool { return h.Has("Content-Length") || h.Has("Transfer-Encoding") }
