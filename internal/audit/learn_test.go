package audit

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

func sound(path string) string { return strings.Replace(fmt.Sprintf(post, path), "POST", "GET", 1) }

func TestSoundSwitchesAreLearned(t *testing.T) {
	var a Audit
	a.Observe(exchange("1", fmt.Sprintf(post, "/unsafe")))
	a.Observe(exchange("2", sound("/rooms/17?token=s3cret")))
	later := exchange("3", sound("/rooms/18"))
	later.Client, later.Time = "10.0.0.7:99", began.Add(1e9)
	a.Observe(later)
	refused := exchange("4", sound("/no"))
	refused.Outcome, refused.Response = wire.Refused, wire.ReadResponse([]byte("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"))
	a.Observe(refused)
	learned := a.Learned()
	if len(learned) != 1 {
		t.Fatalf("%d handshakes were learned: %+v", len(learned), learned)
	}
	l := learned[0]
	if l.Endpoint != "/rooms/{id}" || l.Protocol != "websocket" || l.Host != "staging.test" || l.Count != 2 || l.Client != "10.0.0.7:99" || l.Request.Target != "/rooms/18" {
		t.Errorf("got %+v", l)
	}
}

func TestLearningIsBounded(t *testing.T) {
	var a Audit
	for i := range maxLearned + 50 {
		if i == maxLearned {
			a.Observe(exchange("again", strings.Replace(sound("/chat"), "staging.test", "h0.test", 1)))
		}
		a.Observe(exchange(fmt.Sprint(i), strings.Replace(sound("/chat"), "staging.test", fmt.Sprintf("h%d.test", i), 1)))
	}
	learned := a.Learned()
	if len(learned) != maxLearned {
		t.Errorf("%d handshakes are remembered, want %d", len(learned), maxLearned)
	}
	kept := func(host string) bool {
		return slices.ContainsFunc(learned, func(l Learned) bool { return l.Host == host })
	}
	if !kept("h0.test") || kept("h1.test") || !kept(fmt.Sprintf("h%d.test", maxLearned+49)) {
		t.Error("it was not what was seen longest ago that was forgotten")
	}
}

func TestProbesAreNotLiveTraffic(t *testing.T) {
	var a Audit
	x := exchange("1", fmt.Sprintf(post, "/chat"))
	x.Origin, x.Probe, x.Aim, x.Controls = wire.OriginProbe, "UPGRADE-POST", "/chat", wire.ControlsAccepted
	a.Observe(x)
	marked := exchange("2", strings.Replace(fmt.Sprintf(post, "/chat"), "Host:", "User-Agent: interlock-probe/0.1 01J/UPGRADE-POST\r\nHost:", 1))
	a.Observe(marked)
	spoofed := exchange("3", strings.Replace(fmt.Sprintf(post, "/chat"), "Host:", "User-Agent: interlock-probe/0.1 01J/NO-SUCH\r\nHost:", 1))
	a.Observe(spoofed)
	if s := a.Sums(); s.Verdicts[rules.Fail] != 1 || s.Unsafe != 1 {
		t.Errorf("live: %+v, want one", s)
	}
	if s := a.Probes(); s.Verdicts[rules.Fail] != 2 || s.Unsafe != 2 {
		t.Errorf("probes: %+v, want two", s)
	}
	if e := a.Endpoints(); len(e) != 1 || e[0].Exchanges != 1 {
		t.Errorf("endpoints: %+v", e)
	}
	probes := 0
	for _, f := range a.Findings() {
		if f.Key.Probe == "UPGRADE-POST" && f.Key.Endpoint == "/chat" && f.Count == 2 {
			probes++
		}
	}
	if probes != 1 {
		t.Errorf("findings: %+v", a.Findings())
	}
}
