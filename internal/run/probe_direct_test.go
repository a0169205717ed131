package run

import (
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

func TestWhoseFaultItIs(t *testing.T) {
	probe := rules.FindProbe("UPGRADE-MISSING-CONN")
	ruling := func(v rules.Verdict, status string) *rules.Ruling {
		x := &wire.Exchange{Outcome: wire.Refused, Controls: wire.ControlsAccepted}
		if v == rules.NotApplicable {
			x.Controls = wire.ControlsRefused
		}
		if status == "101" {
			x.Outcome = wire.Switched
		}
		if x.Response = wire.ReadResponse([]byte("HTTP/1.1 " + status + " Text\r\n\r\n")); status == "" {
			x.Response, x.Outcome = nil, wire.Silent
		}
		return &rules.Ruling{X: x, Verdict: v}
	}
	for _, c := range []struct {
		through, straight *rules.Ruling
		want              string
	}{
		{ruling(rules.Fail, "101"), ruling(rules.Pass, "400"), "refused (400) direct, switched through: the hop in between; it adds Connection"},
		{ruling(rules.Fail, "101"), ruling(rules.NotApplicable, "404"), "refused (404) direct, switched through: unclear, as the backend itself accepts no valid handshake there"},
		{ruling(rules.Fail, "101"), ruling(rules.Fail, "101"), "switched direct, switched through: the backend itself"},
		{ruling(rules.Pass, "400"), ruling(rules.Fail, "101"), "the backend itself; this time the hop"},
		{ruling(rules.Pass, "400"), ruling(rules.Pass, "400"), "neither fails any more"},
		{ruling(rules.Fail, "101"), ruling(rules.Unclear, ""), "silent direct, switched through: unclear"},
		{ruling(rules.Fail, "502"), ruling(rules.Pass, "400"), "refused (400) direct, refused (502) through: the hop in between"},
		{ruling(rules.Fail, "101"), nil, "could not be sent to both"},
	} {
		if got := whose(probe, c.through, c.straight); !strings.Contains(got, c.want) {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}
