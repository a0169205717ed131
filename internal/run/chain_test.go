package run

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/internal/chain"
	"github.com/interlock-proxy/interlock/internal/config"
	"github.com/interlock-proxy/interlock/internal/exit"
	"github.com/interlock-proxy/interlock/internal/lab"
	"github.com/interlock-proxy/interlock/internal/lab/ports"
	"github.com/interlock-proxy/interlock/internal/report"
	"github.com/interlock-proxy/interlock/internal/terminal"
	"github.com/interlock-proxy/interlock/rules"
)

// chained sends a few probes through a hop of the lab, and returns the reports and the exit status.
func chained(t *testing.T, name string, change func(*Chaining)) (text, document string, status int) {
	t.Helper()
	dir := t.TempDir()
	status = chainInto(t, name, func(c *Chaining) {
		c.Flags.Outputs = []string{"text=" + dir + "/text", "json=" + dir + "/json"}
		change(c)
	})
	return readFile(t, dir+"/text"), readFile(t, dir+"/json"), status
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// chainInto sends a few probes through a hop of the lab, and returns the exit status. What must come
// has long to do so: these probes wait for nothing else.
func chainInto(t *testing.T, name string, change func(*Chaining)) (status int) {
	t.Helper()
	free, err := ports.Free(1) // the hop must know where the sink will be
	if err != nil {
		t.Fatal(err)
	}
	address := free[0]
	hop, err := lab.StartHop(name, address)
	if err != nil {
		t.Fatal(err)
	}
	defer hop.Close()
	c := &Chaining{
		Flags: &ProbeFlags{Quiet: false, ASCII: true, Timeout: time.Minute, Fields: []string{"X-Key: s3cret"}, Only: []string{"CHAIN-CONN-*", "CHAIN-101-BARE", "CTRL-END"}},
		Via:   []string{"http://" + hop.Addr + "/under"}, Listen: address, Wait: time.Minute, Gate: rules.Gate{Least: rules.High},
		Config: config.Config{Store: "memory"}, Options: report.Options{ASCII: true}, Accepting: &Accepting{Screen: terminal.NewScreen(io.Discard, io.Discard)},
		Screen: terminal.NewScreen(io.Discard, io.Discard), Run: "RUN", Began: time.Unix(0, 0),
		Times: chain.Times{Not: 100 * time.Millisecond, Later: 10 * time.Millisecond, Empty: 5 * time.Millisecond},
	}
	change(c)
	err = c.Do(t.Context())
	var failed exit.Error
	if errors.As(err, &failed) {
		status = failed.Status
	} else if err != nil {
		t.Fatal(err)
	}
	return status
}

func TestChainReportsBothSides(t *testing.T) {
	text, document, status := chained(t, "fabricates-connection", func(*Chaining) {})
	if status != exit.StatusFound {
		t.Errorf("got status %d, want %d", status, exit.StatusFound)
	}
	for _, want := range []string{
		`(?m)^ x Not safe: 2 faults at or above --fail-on high at http://127\.0\.0\.1:\d+/under\.$`,
		`(?m)^ RESULT fail=2 warn=0 unclear=0 pass=8 na=0 not-sent=0$`,
		`(?m)^   x fail CHAIN-CONN-KEEPALIVE critical, UPGRADE-HOP-CONN-FABRICATED$`,
		`(?m)^       > GET /under/c/[0-9a-f]{16} HTTP/1\.1$`,
		`(?m)^     sent: A handshake with Connection: keep-alive; the backend is sound$`,
		`(?m)^ Both sides are shown of the first probe that breaks a rule; -v shows those of all\.$`,
		`(?m)^     \* >> Connection: Upgrade$`,
		`(?m)^       << HTTP/1\.1 101 Switching Protocols$`,
	} {
		if !regexp.MustCompile(want).MatchString(text) {
			t.Errorf("%s is not in\n%s", want, text)
		}
	}
	var d struct {
		Schema int
		Hops   []struct {
			Tunnels bool
			Summary map[string]int
			Results []struct {
				Probe, Verdict string
				Faults         []struct{ Severity, Rule, Detail string }
				Near, Far      *struct{ Request, Response string }
			}
		}
	}
	if err := json.Unmarshal([]byte(document), &d); err != nil {
		t.Fatal(err)
	}
	if d.Schema != 1 || len(d.Hops) != 1 || !d.Hops[0].Tunnels || d.Hops[0].Summary["fail"] != 2 {
		t.Fatalf("got %+v", d)
	}
	seen := 0
	for _, r := range d.Hops[0].Results {
		if r.Verdict == "fail" && r.Near != nil && r.Far != nil && r.Faults[0].Severity == "critical" && strings.Contains(r.Far.Request, "Connection: Upgrade") {
			seen++
		}
	}
	if seen != 2 {
		t.Errorf("%d failures have both sides, want 2: %s", seen, document)
	}
	if strings.Contains(text+document, "s3cret") {
		t.Error("the value of a header given by -H is shown")
	}
}

func TestChainStatus(t *testing.T) {
	for _, c := range []struct {
		name   string
		hop    string
		change func(*Chaining)
		status int
		text   string
	}{
		{"sound", "sound", func(*Chaining) {}, exit.StatusClean, "Safe as far as tested: 10 of 10 probes passed"},
		{"transport", "relay", func(*Chaining) {}, exit.StatusClean, "relays bytes and reads no HTTP"},
		{"no upgrades", "strips", func(*Chaining) {}, exit.StatusClean, "a valid WebSocket handshake does not pass"},
		{"below the threshold", "relays-any-101", func(c *Chaining) { c.Flags.Only = []string{"CHAIN-101-ACCEPT"} }, exit.StatusClean, "warn CHAIN-101-ACCEPT low, UPGRADE-HOP-101-UNCHECKED"},
		{"shared", "relays-any-101", func(c *Chaining) { c.Shared = true }, exit.StatusClean, "not sent (1): it may meet other clients' requests on a connection of the hop (--shared): CHAIN-101-BARE"},
		{"one is down", "sound", func(c *Chaining) { c.Via, c.Wait = append(c.Via, "http://127.0.0.1:1"), time.Second }, exit.StatusUnknown, "Could not tell whether http://127.0.0.1:1/ is safe: "},
		{"another backend", "sound", func(c *Chaining) { c.Listen, c.Wait = "127.0.0.1:0", 0 }, exit.StatusUnknown, "forwards nothing to http://127.0.0.1:"},
		{"several", "fabricates-connection", func(c *Chaining) { c.Via = append(c.Via, "other="+c.Via[0]) }, exit.StatusFound, "CHAIN-CONN-KEEPALIVE   fail  fail  A handshake with Connection: keep-alive"},
		{"to blame", "fabricates-connection", func(c *Chaining) { c.Via = []string{"a=" + c.Via[0], "b=" + c.Via[0]} }, exit.StatusFound, " x To blame: a, b.\n x Not safe: "},
		{"none to blame", "sound", func(c *Chaining) { c.Via = []string{"a=" + c.Via[0], "b=" + c.Via[0]} }, exit.StatusClean, "No proxy is to blame.\n"},
		{"not known", "sound", func(c *Chaining) { c.Via, c.Wait = append(c.Via, "down=http://127.0.0.1:1"), time.Second }, exit.StatusUnknown, "No proxy is to blame as far as is known. Could not tell about down.\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			text, document, status := chained(t, c.hop, c.change)
			if !strings.Contains(document, ` "answer": "No proxy `) && !strings.Contains(document, ` "answer": "To blame: `) {
				t.Errorf("the document does not say which proxy is to blame: %.300s", document)
			}
			if status != c.status || !strings.Contains(text, c.text) {
				t.Errorf("got status %d, want %d and %q in\n%s", status, c.status, c.text, text)
			}
		})
	}
}

// TestBlankedHeadersKeepTheirLines checks the heads of the document.
func TestBlankedHeadersKeepTheirLines(t *testing.T) {
	h := &passed{hop: chain.Hop{Fields: [][2]string{{"Authorization", "x"}}}}
	if got, want := h.shown([]byte("GET / HTTP/1.1\r\nAuthorization: x\r\nCookie: a\r\n\r\n")), `GET / HTTP/1.1\r\nAuthorization: ***\r\nCookie: a\r\n\r\n`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
