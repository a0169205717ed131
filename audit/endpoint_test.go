package audit

import (
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// from is a handshake of a page of that origin.
func from(origin, path string) string {
	return strings.Replace(sound(path), "Host:", "Origin: "+origin+"\r\nHost:", 1)
}

// TestForeignOriginsAreAFactUntilAProbeGotIn holds that the switch for a page of another site is a mere note at an
// endpoint until a probe has shown that any page gets in there.
func TestForeignOriginsAreAFactUntilAProbeGotIn(t *testing.T) {
	last := map[string]rules.Severity{}
	a := Audit{Each: func(r *rules.Ruling) {
		if f := r.Find("UPGRADE-WS-ORIGIN-CROSS"); f != nil && f.Verdict == rules.Warn {
			last[r.Endpoint] = f.Severity
		}
	}}
	crossing := func() map[string]rules.Severity {
		clear(last)
		a.Observe(exchange("live", from("https://app.test", "/chat")))
		a.Observe(exchange("other", from("https://app.test", "/news")))
		a.Observe(exchange("cookie", strings.Replace(from("https://app.test", "/chat/17"), "Host:", "Cookie: a=b\r\nHost:", 1)))
		return last
	}
	probe := func(id, origin, path string, outcome wire.Outcome) {
		x := exchange(id+path, from(origin, path))
		x.Origin, x.Probe, x.Aim, x.Controls, x.Outcome = wire.OriginProbe, id, path, wire.ControlsAccepted, outcome
		if outcome == wire.Refused {
			x.Response = wire.ReadResponse([]byte("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"))
		}
		a.Observe(x)
	}
	probe("UPGRADE-WS-ORIGIN-EVIL", "http://evil.invalid", "/news", wire.Refused)
	probe("UPGRADE-WS-ORIGIN-DUP", "http://staging.test", "/chat", wire.Switched)
	probe("CTRL-WS", "http://evil.invalid", "/chat", wire.Switched)
	for endpoint, s := range crossing() {
		if s != rules.Info {
			t.Errorf("%s: %s before any probe got in", endpoint, s)
		}
	}
	probe("UPGRADE-WS-ORIGIN-EVIL", "http://evil.invalid", "/chat", wire.Switched)
	probe("UPGRADE-WS-ORIGIN-NULL", "null", "/chat/4711", wire.Switched)
	got := crossing()
	if got["/chat"] != rules.Medium || got["/chat/{id}"] != rules.High || got["/news"] != rules.Info || len(got) != 3 {
		t.Errorf("got %v, want medium, high with a cookie, and info where the probe was refused", got)
	}
}
