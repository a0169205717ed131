package probe

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/internal/lab"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// verdictsOf sends probes and returns the verdict of each probe's rule, by probe and target.
func verdictsOf(t *testing.T, target Target, ids ...string) map[string]string {
	t.Helper()
	var probes []*rules.Probe
	for _, id := range ids {
		probes = append(probes, rules.FindProbe(id))
	}
	got := map[string]string{}
	report, err := Run(context.Background(), target, Settings{UserAgent: "test"}, probes, func(x *wire.Exchange) {
		r := rules.Classify(rules.Case{X: x})
		text := r.Verdict.String()
		if f := r.Find(rules.FindProbe(x.Probe).Rule().ID); f != nil && f.Verdict < rules.Pass {
			text += " " + f.Severity.String()
		}
		got[x.Probe+" "+r.Endpoint] = text
	}, nil)
	if err != nil || len(report.NotSent) > 0 {
		t.Fatalf("got %+v, %v", report, err)
	}
	return got
}

// TestLoginsAreComparedWithAndWithoutAnOffer probes backends with a login at their endpoint and at a
// protected page.
func TestLoginsAreComparedWithAndWithoutAnOffer(t *testing.T) {
	const none, twin, h2c = "UPGRADE-AUTH-NONE ", "UPGRADE-AUTH-TWIN ", "UPGRADE-AUTH-TWIN-H2C "
	for _, each := range []struct {
		backend, cookie string
		want            map[string]string
	}{
		{"login", "session=lab", map[string]string{none + "/chat": "pass", twin + "/chat": "pass", twin + "/admin": "pass", h2c + "/chat": "not-applicable", h2c + "/admin": "not-applicable"}},
		{"login-beside-upgrade", "", map[string]string{none + "/chat": "fail critical", twin + "/chat": "fail critical", twin + "/admin": "pass", h2c + "/chat": "not-applicable", h2c + "/admin": "not-applicable"}},
		{"login-skipped-by-offer", "session=lab", map[string]string{none + "/chat": "fail critical", twin + "/chat": "fail critical", twin + "/admin": "fail critical", h2c + "/chat": "not-applicable", h2c + "/admin": "fail critical"}},
		{"login-skipped-by-offer", "", map[string]string{none + "/chat": "fail critical", twin + "/chat": "fail critical", twin + "/admin": "fail critical", h2c + "/chat": "not-applicable", h2c + "/admin": "fail critical"}},
		{"gorilla", "", map[string]string{none + "/chat": "not-applicable", twin + "/chat": "not-applicable", twin + "/admin": "not-applicable", h2c + "/chat": "not-applicable", h2c + "/admin": "not-applicable"}},
		{"gorilla", "session=lab", map[string]string{none + "/chat": "warn info", twin + "/chat": "not-applicable", twin + "/admin": "not-applicable", h2c + "/chat": "not-applicable", h2c + "/admin": "not-applicable"}},
	} {
		s, err := lab.Start(each.backend)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Close)
		target := Target{Address: s.Addr, Base: rules.NewHandshake("http", s.Addr, "/chat", ""), Protected: []string{"/admin", "/chat"}}
		if each.cookie != "" {
			rules.Set("Cookie", each.cookie)(target.Base)
		}
		if got := verdictsOf(t, target, "UPGRADE-AUTH-NONE", "UPGRADE-AUTH-TWIN", "UPGRADE-AUTH-TWIN-H2C", "UPGRADE-AUTH-FOREIGN"); fmt.Sprint(got) != fmt.Sprint(each.want) {
			t.Errorf("%s, cookie %q: got\n%v, want\n%v", each.backend, each.cookie, got, each.want)
		}
	}
}

// TestIdentitiesAreExchanged sends the credentials of each identity to the endpoints of the others.
func TestIdentitiesAreExchanged(t *testing.T) {
	strict := true
	b := serve(t, func(c *guest) {
		path, _, _ := strings.Cut(strings.TrimPrefix(c.head, "GET /rooms/"), " ")
		owner, _, _ := strings.Cut(path, "?")
		own := strings.Contains(c.head, "Cookie: s="+owner+"\r\n")
		if own || !strict && strings.Contains(c.head, "Cookie: s=") {
			c.switches()
			return
		}
		c.send("HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
	})
	target := b.target()
	identity := func(name, path string) *rules.Handshake {
		h := target.Base.Clone()
		h.Path, h.Target = path, path
		rules.Set("Cookie", "s="+name)(h)
		return h
	}
	target.Identities = []*rules.Handshake{identity("alice", "/rooms/alice?lang=de"), identity("bob", "/rooms/bob"), identity("carol", "/rooms/bob")}
	target.Base = target.Identities[0].Clone()
	const id = "UPGRADE-AUTH-FOREIGN"
	if got, want := verdictsOf(t, target, id), "map["+id+" /rooms/alice:pass "+id+" /rooms/bob:"; !strings.HasPrefix(fmt.Sprint(got), want) {
		t.Errorf("got %v, want %s...", got, want)
	}
	strict = false
	target.Identities = target.Identities[:2]
	if got, want := fmt.Sprint(verdictsOf(t, target, id)), "map["+id+" /rooms/alice:fail critical "+id+" /rooms/bob:fail critical]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	r := &run{caller: &caller{target: target}}
	target.Identities = append(target.Identities, target.Identities[1])
	r.target = target
	var aims []string
	for _, b := range r.basesOf(rules.FindProbe(id)) {
		aims = append(aims, b.aim)
	}
	if want := []string{"/rooms/alice?lang=de", "/rooms/alice?lang=de", "/rooms/bob", "/rooms/bob"}; !slices.Equal(aims, want) {
		t.Errorf("got %q, want %q: those with the same endpoint are not exchanged", aims, want)
	}
}
