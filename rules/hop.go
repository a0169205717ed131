package rules

import (
	"bytes"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/wire"
)

// hopBook holds the rules that compare both sides of a proxy, by ID. They are asked only about
// exchanges whose other side was seen. Only register writes to it.
var hopBook []*Rule

// askHop applies the rules about hops, and puts their findings among the others, by rule.
func (c *Case) askHop(ruling *Ruling) {
	if c.X.Hop == nil {
		return
	}
	c.askAll(ruling, c.inPlay())
	judgeSeen(c, ruling)
	sortFindings(ruling)
}

// sortFindings puts the findings in the order of their rules.
func sortFindings(ruling *Ruling) {
	slices.SortStableFunc(ruling.Findings, func(a, b Finding) int { return strings.Compare(a.Rule.ID, b.Rule.ID) })
}

// onlyClient reports whether Interlock itself is the client and the server of a proxy, and knows what
// it sent. Then only the proxy is judged.
func (c *Case) onlyClient() bool { return c.X.Origin == wire.OriginChain }

// nameHop makes a sentence about a proxy name it.
func (c *Case) nameHop(text string) string {
	if h := c.X.Hop; h != nil && h.Name != "" && c.rule.Hop {
		if rest, ok := strings.CutPrefix(text, "Proxy "); ok {
			return "Proxy " + readable(h.Name) + " " + rest
		}
	}
	return text
}

// far returns the exchange on the far side of the hop; nil if there is none.
func (c *Case) far() *wire.Exchange {
	if c.X.Hop == nil {
		return nil
	}
	return c.X.Hop.Far
}

// farSwitched reports whether the server on the far side of the hop answered with a 101.
func (c *Case) farSwitched() bool { return isSwitch(c.far()) }

// isSwitch reports whether an exchange has a 101.
func isSwitch(x *wire.Exchange) bool {
	return x != nil && x.Response != nil && x.Response.Status == 101
}

// offers reports whether a request offers an upgrade: it has an Upgrade header with a protocol, and
// the option.
func offers(q *wire.Request) bool { return len(q.Protocols()) > 0 && q.HasOption("upgrade") }

// farAnswer says how the server on the far side of the hop answered.
func farAnswer(x *wire.Exchange) string {
	switch {
	case x == nil:
		return "the server did not get the request"
	case x.Response == nil:
		return "the server did not answer"
	}
	return "the server answered " + quote(statusLineOf(x.Response))
}

func statusLineOf(p *wire.Response) []byte { return p.Text(p.Start) }

// throughTunnel reports whether bytes came through the tunnel that both sides of the hop have, or no
// client sent any.
func (c *Case) throughTunnel() bool {
	if c.saw(wire.SightNoTunnel) {
		return false
	}
	near, far := c.X, c.far()
	return len(near.After.Client) == 0 || len(far.After.Client) > 0 || len(near.After.Server) > 0
}

// begins reports whether one of two runs of bytes is the beginning of the other.
func begins(a, b []byte) bool {
	n := min(len(a), len(b))
	return bytes.Equal(a[:n], b[:n])
}

// named quotes the protocols of an Upgrade header, or says that there is none.
func named(protocols []wire.Protocol) string {
	if len(protocols) == 0 {
		return "no protocol"
	}
	return members(protocols)
}
