package rules

import (
	"strconv"

	"github.com/interlock-proxy/interlock/wire"
)

// pairProbes are tunnels beside another one on the same connection, which end in different ways.
func pairProbes() []Probe {
	const want = "The other tunnel works, and a GET on the connection is answered"
	pair := func(id, label string, how Pairing, edits ...Edit) Probe {
		p := probe2(id, label, Differential, want, Edits(Extended(), Beside(how)), edits)
		return p
	}
	return []Probe{
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
