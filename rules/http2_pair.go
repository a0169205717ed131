package rules

import (
	"strconv"

	"github.com/interlock-proxy/interlock/wire"
	"github.com/interlock-proxy/interlock/wire/h2"
)

// pairProbes are tunnels beside another one on the same connection, which end in different ways.
func pairProbes() []Probe {
	const want = "The other tunnel works, and a GET on the connection is answered"
	pair := func(id, label string, how Pairing, edits ...Edit) Probe {
		p := probe2(id, label, Differential, want, Edits(Extended(), Beside(how)), edits)
		return p
	}
	const field = "\x00\x01x\x011" // x: 1, without a place in the table
	return []Probe{
		tunnel2("UPGRADE-H2-TUN-RST", "Tunnel reset with CANCEL", "A GET on the connection is answered", StreamPart{Kind: h2.Reset, Code: codeCancel}),
		tunnel2("UPGRADE-H2-TUN-TRAILERS", "HEADERS with END_STREAM in a tunnel", "RST_STREAM, and a GET on the connection is answered", StreamPart{Kind: h2.Headers, Data: field, End: true}),
		tunnel2("UPGRADE-H2-TUN-HEADERS", "HEADERS in a tunnel", "RST_STREAM, and a GET on the connection is answered", StreamPart{Kind: h2.Headers, Data: field}),
		pair("UPGRADE-H2-PAIR-CLOSE", "Two tunnels, one ended by Close", PairClosed),
		pair("UPGRADE-H2-PAIR-END", "Two tunnels, one ended by END_STREAM", PairEnded),
		pair("UPGRADE-H2-PAIR-RESET", "Two tunnels, one ended by RST_STREAM", PairReset),
		pair("UPGRADE-H2-PAIR-REFUSE", "A tunnel, and a malformed request beside it", PairRefused, FieldAlso("x-a", "1\x00")),
	}
}

// connectionTested reports whether a probe shows what its stream does to the connection: the stream was
// answered as it should be, or there was another tunnel.
func connectionTested(c *Case) bool {
	f := c.X.Follow
	if f == nil || !c.probed() || f.Other == "" && c.X.Response == nil && c.X.Outcome != wire.Reset {
		return false
	}
	return c.column() == controlled || c.probe != nil && c.probe.Control == HTTP2Plain
}

// judgeFollow judges what became of the connection of a probe.
func judgeFollow(c *Case) Result {
	f := c.X.Follow
	switch {
	case f.Other != "" && f.Other != wire.OtherAlive && f.Other != wire.LostReset && f.Other != wire.LostSilent:
		return c.result(Fail)
	case f.Other == wire.LostReset, f.Other == wire.LostSilent: // of that tunnel alone
		return c.result(Unclear).rated(Info)
	case f.Status == 0 && (f.Lost == wire.LostGoAway || f.Lost == wire.LostEnd) && len(f.Outside) == 0 && !c.brings("UPGRADE-H2-HPACK"):
		return c.result(Fail) // that rule says more
	}
	return c.result(Pass)
}

func showFollow(c *Case) Shown {
	f, at := c.X.Follow, c.inRequest(":method", ":protocol")
	if f.Other != "" && f.Other != wire.OtherAlive {
		return says("Server lost another tunnel on the connection with this stream: %s", at, lossOf(&wire.Follow{Lost: f.Other, Code: f.Code}))
	}
	what := "it rejected this request"
	switch {
	case c.switched:
		what = "this tunnel"
	case c.X.Response != nil:
		what = "it answered " + strconv.Itoa(c.status())
	}
	return says("Server ended the connection after %s: %s", at, what, lossOf(f))
}
