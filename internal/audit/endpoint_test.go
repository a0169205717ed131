package audit

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// from is a handshake of a page of that origin.
func from(origin, path string) string {
	return strings.Replace(sound(path), "Host:", "Origin: "+origin+"\r\nHost:", 1)
}

// TestForeignOriginsAreAFactUntilAProbeGotIn holds that the switch for a page of another site is a
// mere note at an endpoint until a probe has shown that any page gets in there.
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
	if got["/chat"] != rules.Medium || got["/chat/{id}"] != rules.Critical || got["/news"] != rules.Info || len(got) != 3 {
		t.Errorf("got %v, want medium, critical with a cookie, and info where the probe was refused", got)
	}
}

// TestProbesOfAnEndpointWithCookiesAreCritical holds that a probe without credentials is judged by
// what clients of the endpoint send, and that only an origin that anyone can have says that any page
// gets in.
func TestProbesOfAnEndpointWithCookiesAreCritical(t *testing.T) {
	got := map[string]string{}
	a := Audit{Each: func(r *rules.Ruling) {
		if f := r.Find("UPGRADE-WS-ORIGIN-CROSS"); f != nil {
			got[r.X.Probe+r.X.Request.Target] = f.Verdict.String() + " " + f.Severity.String()
		}
	}}
	a.Observe(exchange("cookie", strings.Replace(sound("/chat"), "Host:", "Cookie: a=b\r\nHost:", 1)))
	a.Observe(exchange("none", sound("/news")))
	for _, path := range []string{"/chat", "/news"} {
		for id, origin := range map[string]string{"EVIL": "http://evil.invalid", "SUBDOMAIN": "http://interlock.staging.test"} {
			x := exchange(id+path, from(origin, path))
			x.Origin, x.Probe, x.Aim, x.Controls = wire.OriginProbe, "UPGRADE-WS-ORIGIN-"+id, path, wire.ControlsAccepted
			a.Observe(x)
		}
	}
	want := map[string]string{
		"UPGRADE-WS-ORIGIN-EVIL/chat": "fail critical", "UPGRADE-WS-ORIGIN-SUBDOMAIN/chat": "warn high",
		"UPGRADE-WS-ORIGIN-EVIL/news": "warn medium", "UPGRADE-WS-ORIGIN-SUBDOMAIN/news": "warn low",
	}
	if !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	a.Observe(exchange("page", from("https://app.test", "/chat")))
	if got["/chat"] != "warn critical" {
		t.Errorf("got %s for a page where any page gets in and cookies are sent, want warn critical", got["/chat"])
	}
}

// TestTheFormOfRefusalsIsToldOnceForARun holds that the first answer of a run that shows how an
// endpoint words its refusals tells of it, whichever probe it belongs to, and no other one.
func TestTheFormOfRefusalsIsToldOnceForARun(t *testing.T) {
	told := map[string][]string{}
	a := Audit{Each: func(r *rules.Ruling) {
		for _, rule := range r.Broken() {
			told[rule] = append(told[rule], r.Run+" "+r.X.Probe)
		}
	}}
	probe := func(run, id, path, response string) {
		x := exchange(run+id+path, from("http://staging.test", path))
		x.Origin, x.Probe, x.Aim, x.Controls, x.Outcome = wire.OriginProbe, id, path, wire.ControlsAccepted, wire.Refused
		x.Response = wire.ReadResponse([]byte(response))
		a.Enter(x, run)
	}
	const bare = "HTTP/1.1 426 Upgrade Required\r\nContent-Length: 2\r\n\r\n"
	for _, run := range []string{"one", "two"} {
		probe(run, "UPGRADE-INVALID-VER", "/chat", "HTTP/1.1 400 Bad Request\r\nSec-WebSocket-Version: 13\r\nContent-Length: 2\r\n\r\n")
		probe(run, "UPGRADE-CONN-SUFFIX", "/chat", "HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nContent-Length: 2\r\n\r\n")
		probe(run, "UPGRADE-POST", "/chat", bare)
		probe(run, "UPGRADE-HTTP10", "/chat", bare)
		probe(run, "UPGRADE-POST", "/chat", bare) // the same exchange, amended
		probe(run, "UPGRADE-HTTP10", "/news", bare)
		probe(run, "UPGRADE-POST", "/news", bare)
	}
	want := []string{"one UPGRADE-POST", "one UPGRADE-POST", "one UPGRADE-HTTP10", "two UPGRADE-POST", "two UPGRADE-POST", "two UPGRADE-HTTP10"}
	if got := told["UPGRADE-426-NO-UPGRADE"]; !slices.Equal(got, want) || len(told) != 1 {
		t.Errorf("got %q, want %q", told, want)
	}
}
