package rules

import (
	"fmt"
	"slices"
	"testing"

	"github.com/interlock-proxy/interlock/wire"
)

// answered2 returns the exchange of a probe in HTTP/2 with this answer, between accepted controls.
func answered2(p *Probe, h *Handshake, status int) *wire.Exchange {
	x := &wire.Exchange{
		ID: "1", Origin: wire.OriginProbe, Probe: p.ID, Controls: wire.ControlsAccepted, Complete: true, Final: true, BodyDone: true,
		Request: wire.ReadRequest([]byte(h.Head())), Stream: &wire.Stream{ID: 1, Offered: wire.OfferYes}, Outcome: wire.Reset, Cause: wire.CauseServerReset,
		Follow: &wire.Follow{Asked: true, Status: 200},
	}
	if p.Unoffered {
		x.Stream.Offered = wire.OfferNone
	}
	x.Stream.Client.AtHead = h.Stream.End
	for _, part := range h.Stream.Early {
		x.EarlyBytes, x.Early = x.EarlyBytes+int64(len(part.Data)), append(x.Early, part.Data...)
	}
	if h.Stream.Marked {
		x.Follow.Ahead, x.Follow.Read = 200, wire.ReadRight
	}
	if status != 0 {
		x.Response = wire.ReadResponse(fmt.Appendf(nil, "HTTP/2\r\n:status: %d\r\n\r\n", status))
		x.Outcome, x.Cause = x.Response.Outcome(), ""
		if q := x.Request; x.Outcome == wire.Ignored && q.Method == "CONNECT" && q.Has(":protocol") {
			x.Outcome = wire.Switched
		}
	}
	return x
}

// TestProbesInHTTP2BreakOneRule checks that a server that accepts a malformed request breaks the rules
// that its probe names, and that one that resets the stream, or answers 400, breaks none.
func TestProbesInHTTP2BreakOneRule(t *testing.T) {
	base := NewHandshake("http", "a.test", "/chat", "dGhlIHNhbXBsZSBub25jZQ==")
	for _, p := range Probes() {
		if !p.HTTP2() || p.Class == Differential {
			continue
		}
		h := p.On(base)
		want := slices.Concat([]string{p.rule.ID}, p.Also)
		slices.Sort(want)
		if !p.Class.Refuses() && p.Class != Warn101 {
			want = p.Also
		}
		accepted := 200
		if p.Class.Refuses() && wire.ReadRequest([]byte(h.Head())).Method == "GET" && h.Stream.Fields[1].Name != ":protocol" {
			accepted = 101
		}
		var got []string
		for _, f := range Classify(Case{X: answered2(p, h, accepted)}).Findings {
			if f.Verdict < Pass && f.Severity > Info {
				got = append(append(got, f.Rule.ID), f.Related...)
			}
		}
		if slices.Sort(got); !slices.Equal(slices.Compact(got), want) {
			t.Errorf("%s: a %d breaks %s, want %s", p.ID, accepted, got, want)
		}
		for _, status := range []int{0, 400} {
			if p.Class == Accept || p.Class == Negotiate {
				continue
			}
			for _, f := range Classify(Case{X: answered2(p, h, status)}).Findings {
				if f.Verdict < Unclear && f.Severity > Info {
					t.Errorf("%s: %d breaks %s: %s: %s", p.ID, status, f.Rule.ID, f.Verdict, f.Detail)
				}
			}
		}
	}
}
