package probe

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/internal/lab"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// over2 runs the probes in HTTP/2 that only names, or all, against a backend of the lab. HTTP/1.1 is
// spoken where they compare with it.
func over2(t testing.TB, name string, only []string) (map[string]*rules.Ruling, Report) {
	t.Helper()
	s, err := lab.Start(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	probes := slices.DeleteFunc(rules.Probes(), func(p *rules.Probe) bool {
		return !p.HTTP2() || len(only) > 0 && !slices.Contains(only, p.ID)
	})
	target := Target{Address: s.Addr, Base: rules.NewHandshake("http", s.Addr, s.Backend.Paths[0], ""), Protected: []string{"/admin"}, Inside: "/admin"}
	judge := func(x *wire.Exchange) *rules.Ruling { return rules.Classify(rules.Case{X: x}) }
	worst := map[string]*rules.Ruling{}
	report, err := Run(context.Background(), target, Settings{
		HTTP: Both, UserAgent: "test", Fails: func(x *wire.Exchange) bool { return judge(x).Verdict == rules.Fail },
	}, probes, func(x *wire.Exchange) {
		if r := judge(x); worst[x.Probe] == nil || r.Verdict < worst[x.Probe].Verdict {
			worst[x.Probe] = r
		}
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return worst, report
}

// TestEveryFaultOfHTTP2IsCaught sends each faulty backend the probes that are meant for it.
func TestEveryFaultOfHTTP2IsCaught(t *testing.T) {
	for _, b := range lab.H2Backends() {
		if len(b.Caught)+len(b.Warned) == 0 {
			continue
		}
		t.Run(b.Name, func(t *testing.T) {
			t.Parallel()
			rulings, report := over2(t, b.Name, slices.Concat(b.Caught, b.Warned))
			for want, ids := range map[rules.Verdict][]string{rules.Fail: b.Caught, rules.Warn: b.Warned} {
				for _, id := range ids {
					if r := rulings[id]; r == nil || r.Verdict != want || r.X.Flaky {
						t.Errorf("%s: %+v, not sent: %+v", id, r, report.NotSent)
					}
				}
			}
		})
	}
}

// TestSoundHTTP2Passes sends a correct backend all probes in HTTP/2, and says how long that took. It
// agrees to no subprotocol, which is a warning.
func TestSoundHTTP2Passes(t *testing.T) {
	began := time.Now()
	rulings, report := over2(t, "h2", nil)
	t.Logf("%d probes in %v", len(rulings), time.Since(began).Round(time.Millisecond))
	if report.Degraded || report.Gone || report.HTTP2 != "" || len(report.NotSent) != 1 || report.NotSent[0].Probe.ID != "UPGRADE-H2-NO-OFFER" {
		t.Errorf("%+v", report)
	}
	for id, r := range rulings {
		p := rules.FindProbe(id)
		if r.Verdict < rules.Pass && id != "CTRL-H2-SUBPROTO" || p.Class.Refuses() && r.Verdict != rules.Pass || p.Class == rules.Accept && r.X.Outcome != wire.Switched {
			t.Errorf("%s: %s, %s", id, r.Verdict, r.X.Outcome)
		}
		if f := r.X.Follow; id != "UPGRADE-H2-SET-CLIENT-2" && (f == nil || f.Status != 200 || f.Other != "" && f.Other != wire.OtherAlive) {
			t.Errorf("%s: the connection afterwards: %+v", id, f)
		}
		if p.Class == rules.Accept && !readFrames(r.X.After.Server).pong {
			t.Errorf("%s: the tunnel is not proved by %q", id, r.X.After.Server)
		}
	}
}

// TestCookieCrumbs sends the session in the second of two Cookie headers.
func TestCookieCrumbs(t *testing.T) {
	const id = "UPGRADE-H2-COOKIE-CRUMBS"
	for name, want := range map[string]rules.Verdict{"h2": rules.Pass, "h2-first-cookie": rules.Warn} {
		s, err := lab.Start(name)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Close)
		base := rules.NewHandshake("http", s.Addr, "/admin", "")
		base.Lines = append(base.Lines, rules.Line{Name: "Cookie", Value: "session=lab"})
		l, _, err := probed(context.Background(), t, Target{Address: s.Addr, Base: base}, Settings{HTTP: HTTP2}, []*rules.Probe{rules.FindProbe("CTRL-H2-WS"), rules.FindProbe(id)})
		if err != nil || l.by[id] == nil {
			t.Fatalf("%s: %v, %v", name, l.by, err)
		}
		if r := rules.Classify(rules.Case{X: l.by[id]}); r.Verdict != want {
			t.Errorf("%s: %s, %d", name, r.Verdict, r.X.Response.Status)
		}
	}
}

// TestCredentialsOfCONNECT probes servers with a session: one that forwards it, and one that drops it.
func TestCredentialsOfCONNECT(t *testing.T) {
	const id = "UPGRADE-H2-AUTH-CONNECT-COOKIE"
	for name, want := range map[string]rules.Verdict{"h2": rules.Pass, "h2-cookie-dropped": rules.Warn} {
		s, err := lab.Start(name)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Close)
		base := rules.NewHandshake("http", s.Addr, s.Backend.Paths[0], "")
		base.Lines = append(base.Lines, rules.Line{Name: "Cookie", Value: "session=lab"})
		found := map[string]rules.Verdict{}
		_, err = Run(context.Background(), Target{Address: s.Addr, Base: base, Protected: []string{"/admin"}}, Settings{HTTP: HTTP2}, []*rules.Probe{rules.FindProbe(id)}, func(x *wire.Exchange) {
			found[x.Aim] = rules.Classify(rules.Case{X: x}).Own()
		}, nil)
		if err != nil || found["/admin"] != want || found["/ws"] != rules.NotApplicable {
			t.Errorf("%s: %v, %v", name, found, err)
		}
	}
}

// TestTunnelsPastAccessRules checks that the answers in a tunnel of h2c are compared with those outside.
func TestTunnelsPastAccessRules(t *testing.T) {
	rulings, _ := over2(t, "h2-tunnels-h2c", []string{"UPGRADE-H2-PROTO-H2C"})
	f := rulings["UPGRADE-H2-PROTO-H2C"].Find("UPGRADE-H2C-TUNNEL")
	if f == nil || f.Verdict != rules.Fail || f.Severity != rules.Critical || !strings.Contains(f.Detail, `"/admin" with 200 in the h2c tunnel, and with 401 outside`) {
		t.Errorf("got %+v", f)
	}
	rulings, _ = over2(t, "h2-101-h2c", []string{"UPGRADE-H2-H1-H2C-OPEN"})
	if f := rulings["UPGRADE-H2-H1-H2C-OPEN"].Find("UPGRADE-H2C-TUNNEL"); f == nil || f.Verdict != rules.Fail {
		t.Errorf("after a 101: got %+v", f)
	}
}

// TestBytesOutsideOfFrames checks that what a server writes into the connection after a 101 is known.
func TestBytesOutsideOfFrames(t *testing.T) {
	rulings, _ := over2(t, "h2-101-raw", []string{"UPGRADE-H2-H1-WS"})
	x := rulings["UPGRADE-H2-H1-WS"].X
	if string(x.Follow.Outside[:7]) != "\x81\x05hello" || x.Follow.Lost != wire.LostBlind {
		t.Errorf("got %+v", x.Follow)
	}
}

// TestProbesInHTTP2ShowNoSecrets probes with credentials, which no result shows.
func TestProbesInHTTP2ShowNoSecrets(t *testing.T) {
	const secret = "SPARROW-4711"
	for _, name := range []string{"h2", "h2-desync", "h2-101-raw"} {
		s, err := lab.Start(name)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Close)
		base := rules.NewHandshake("http", s.Addr, s.Backend.Paths[0]+"?token="+secret, "")
		rules.Edits(rules.Set("Authorization", "Bearer "+secret), rules.Set("Cookie", "session="+secret))(base)
		probes := slices.DeleteFunc(rules.Probes(), func(p *rules.Probe) bool { return !p.HTTP2() })
		seen := 0
		_, err = Run(context.Background(), Target{Address: s.Addr, Base: base}, Settings{HTTP: HTTP2}, probes, func(x *wire.Exchange) {
			seen++
			if text, err := json.Marshal(rules.Classify(rules.Case{X: x})); err != nil || strings.Contains(decoded(string(text)), secret) {
				t.Errorf("%s: %s shows it: %s, %v", name, x.Probe, text, err)
			}
		}, nil)
		if err != nil || seen < 60 {
			t.Errorf("%s: %d probes, %v", name, seen, err)
		}
	}
}

// decoded adds to a text what its words are in base64.
func decoded(text string) string {
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return r == '"' }) {
		if b, err := base64.StdEncoding.DecodeString(word); err == nil {
			text += string(b)
		}
	}
	return text
}

// TestVersionsOfHTTP checks what is sent to a server that does not speak HTTP/2, and to one that does
// not offer WebSockets in it.
func TestVersionsOfHTTP(t *testing.T) {
	probes := []*rules.Probe{rules.FindProbe("CTRL-H2-WS"), rules.FindProbe("UPGRADE-H2-H1-WS"), rules.FindProbe("UPGRADE-POST")}
	for name, want := range map[string]struct {
		sent, notSent int
		reason        string
	}{
		"gorilla":        {1, 2, "the server does not answer the preface of HTTP/2"},
		"h2-not-offered": {2, 1, "the server does not offer WebSockets over HTTP/2 (SETTINGS_ENABLE_CONNECT_PROTOCOL)"},
		"h2":             {3, 0, ""},
	} {
		s, err := lab.Start(name)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Close)
		target := Target{Address: s.Addr, Base: rules.NewHandshake("http", s.Addr, s.Backend.Paths[0], "")}
		l, report, err := probed(context.Background(), t, target, Settings{HTTP: Both}, probes)
		if err != nil || len(l.by) != want.sent || len(report.NotSent) != want.notSent || report.HTTP2 != want.reason {
			t.Errorf("%s: sent %d, not sent %+v, %q, %v", name, len(l.by), report.NotSent, report.HTTP2, err)
		}
	}
}
