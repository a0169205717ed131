package probe

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/internal/lab"
	"github.com/interlock-proxy/interlock/rules"
)

// TestRequestsInATunnel asks in h2c tunnels for pages that need a login: of a backend that looks at
// the request with the offer only, and of one that looks at each.
func TestRequestsInATunnel(t *testing.T) {
	const id = "UPGRADE-H2C-TUNNEL"
	for _, each := range []struct{ backend, inside, verdict, asked string }{
		{"h2c-behind-login", "/admin", "fail critical", `[/admin 200 "routes, locks\n" /interlock-canary 404 "not found\n"]`},
		{"h2c-behind-login", "", "fail critical", `[/interlock-canary 404 "not found\n"]`},
		{"h2c-before-login", "/admin", "pass critical", `[/admin 401 "log in first\n" /interlock-canary 401 "log in first\n"]`},
		{"h2c", "/api/items", "pass critical", `[/api/items 200 "signals, points, track circuits\n" /interlock-canary 404 "not found\n"]`},
	} {
		s, err := lab.Start(each.backend)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		target := Target{Address: s.Addr, Inside: each.inside, Base: rules.NewHandshake("http", s.Addr, "/", "")}
		l, _, err := probed(context.Background(), t, target, Settings{}, []*rules.Probe{rules.FindProbe(id)})
		if err != nil || l.by[id] == nil {
			t.Fatalf("%s: %v", each.backend, err)
		}
		var asked []string
		for _, in := range l.by[id].Inside {
			asked = append(asked, fmt.Sprintf("%s %d %q", in.Path, in.Status, in.Content))
		}
		f := rules.Classify(rules.Case{X: l.by[id]}).Find(id)
		if f == nil || fmt.Sprint(f.Verdict, " ", f.Severity) != each.verdict || fmt.Sprint(asked) != each.asked {
			t.Errorf("%s: got %+v with %v", each.backend, f, asked)
		}
	}
}

// TestATunnelThatSpeaksNoHTTP2 checks that bytes that are not frames are no answers.
func TestATunnelThatSpeaksNoHTTP2(t *testing.T) {
	const head = "\x00\x00\x03\x01\x05\x00\x00\x00\x03"
	for _, bytes := range []string{"", "hello\n", strings.Repeat("\xff", 100), head + "\xff\xff\xff", head + "\x88", "\x00\x40\x01\x00\x01\x00\x00\x00\x03" + strings.Repeat("x", 1<<14+1)} {
		b := serve(t, func(c *guest) {
			if !strings.Contains(c.head, "Upgrade: h2c") {
				refuses(c)
				return
			}
			c.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n" + bytes)
		})
		l, _, err := probed(context.Background(), t, b.target(), Settings{}, []*rules.Probe{rules.FindProbe("UPGRADE-H2C-TUNNEL")})
		if err != nil {
			t.Fatal(err)
		}
		x := l.by["UPGRADE-H2C-TUNNEL"]
		if len(x.Inside) != 1 || x.Inside[0].Status != 0 {
			t.Errorf("%q: got %+v", bytes, x.Inside)
		}
		if f := rules.Classify(rules.Case{X: x}).Find("UPGRADE-H2C-TUNNEL"); f != nil {
			t.Errorf("%q: got %+v", bytes, f)
		}
	}
}
