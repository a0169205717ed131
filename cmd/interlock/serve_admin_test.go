package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/internal/config"
	"github.com/interlock-proxy/interlock/internal/lab"
	"github.com/interlock-proxy/interlock/internal/web/ui"
)

// ask makes a request to the admin API and decodes the response.
func (s *served) ask(method, path, body string, into any) int {
	s.t.Helper()
	q, err := http.NewRequestWithContext(s.t.Context(), method, "http://"+s.admin+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	p, err := http.DefaultClient.Do(q)
	if err != nil {
		s.t.Fatal(err)
	}
	defer http.DefaultClient.CloseIdleConnections()
	defer p.Body.Close()
	text, err := io.ReadAll(p.Body)
	if err == nil && into != nil {
		err = json.Unmarshal(text, into)
	}
	if err != nil {
		s.t.Fatalf("%s %s: %s: %v", method, path, text, err)
	}
	return p.StatusCode
}

type shownFinding struct{ Rule, State, LastExchange string }

// TestServeIsAdministered does what a person does about a finding: views it, replays it, accepts
// it, and pauses the page.
func TestServeIsAdministered(t *testing.T) {
	backend, err := lab.Start("unsound")
	if err != nil {
		t.Fatal(err)
	}
	defer backend.Close()
	s := serveFile(t, "backend: "+backend.URL+"\nadmin:\n  listen: 127.0.0.1:0\n  open: 127.0.0.1:0\nforward:\n  listen: 127.0.0.1:0\n  users: {alice: 'CANARY, b: CANARY'}\n")
	if status := s.ask("GET", "/readyz", "", nil); status != 200 {
		t.Errorf("readyz: %d", status)
	}
	s.post(t)
	s.await(t, "exchange", 1)
	finding := s.finding(t)
	if finding.State != "new" {
		t.Errorf("the finding is %q", finding.State)
	}
	s.status(t)

	var again struct{ Was, ID string }
	if status := s.ask("POST", "/api/v1/replays", fmt.Sprintf(`{"exchange":%q}`, finding.LastExchange), &again); status != 201 || again.Was != finding.LastExchange || again.ID == again.Was {
		t.Errorf("replay: %d %+v", status, again)
	}

	var said struct {
		File, Diff string
		Applied    bool
	}
	before, _ := os.ReadFile(s.file)
	const entry = `{"rule":"UPGRADE-POST","endpoint":"/chat","reason":"an old client"%s}`
	if status := s.ask("POST", "/api/v1/accepts", fmt.Sprintf(entry, ""), &said); status != 200 || said.Applied || !strings.Contains(said.Diff, "+  - rule: UPGRADE-POST") && !strings.Contains(said.Diff, "+- rule: UPGRADE-POST") {
		t.Fatalf("accept: %d %+v", status, said)
	}
	if now, _ := os.ReadFile(s.file); string(now) != string(before) {
		t.Error("the file was written without a confirmation")
	}
	if status := s.ask("POST", "/api/v1/accepts", fmt.Sprintf(entry, `,"confirmed":true`), &said); status != 200 || !said.Applied {
		t.Fatalf("accept: %d %+v", status, said)
	}
	if now, _ := os.ReadFile(s.file); !strings.Contains(string(now), "UPGRADE-POST") {
		t.Errorf("the file is\n%s", now)
	}
	if is := s.finding(t); is.State != "accepted" {
		t.Errorf("and then the finding is %q", is.State)
	}
	if status := s.ask("POST", "/api/v1/accepts", fmt.Sprintf(entry, ""), nil); status != 409 {
		t.Errorf("the same once more: %d", status)
	}

	var on struct{ Paused bool }
	if s.ask("POST", "/api/v1/evidence", `{"paused":true}`, &on); !on.Paused {
		t.Error("it is not paused")
	}
	if is := s.status(t); !is.Paused {
		t.Error("the status does not say that it is paused")
	}
}

// post makes a handshake by POST, which the backend wrongly accepts.
func (s *served) post(t *testing.T) {
	t.Helper()
	q, err := http.NewRequestWithContext(t.Context(), "POST", "http://"+s.addr+"/chat", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range map[string]string{"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version": "13"} {
		q.Header.Set(k, v)
	}
	p, err := http.DefaultTransport.RoundTrip(q)
	if err != nil {
		t.Fatal(err)
	}
	p.Body.Close()
}

// finding waits until the store has the finding of UPGRADE-POST.
func (s *served) finding(t *testing.T) shownFinding {
	t.Helper()
	var all struct{ Findings []shownFinding }
	for range 2000 {
		s.ask("GET", "/api/v1/findings?q=rule:UPGRADE-POST+is:live", "", &all)
		if len(all.Findings) == 1 {
			return all.Findings[0]
		}
	}
	t.Fatalf("there are %v", all)
	return shownFinding{}
}

// status checks the status and that it contains no secret.
func (s *served) status(t *testing.T) ui.Status {
	t.Helper()
	var is ui.Status
	s.ask("GET", "/api/v1/status", "", &is)
	of := map[string]ui.Setting{}
	for _, e := range is.Config {
		of[e.Key] = e
		if strings.Contains(e.Value, "CANARY") {
			t.Errorf("%v has a secret", e)
		}
	}
	for key, want := range map[string]ui.Setting{
		"guard": {Key: "guard", Value: "off", Origin: "default"}, "limits.dial": {Key: "limits.dial", Value: "10s", Origin: "default"},
		"store": {Key: "store", Value: "memory", Origin: s.file + ":3:8"}, "forward.users": {Key: "forward.users", Value: "alice: ***", Origin: of["forward.users"].Origin},
	} {
		if of[key] != want {
			t.Errorf("%s is %v, want %v", key, of[key], want)
		}
	}
	if !strings.HasPrefix(of["admin.listen"].Origin, s.file+":") || of["admin.pprof"].Origin != "default" {
		t.Errorf("the admin address is from %q, pprof from %q", of["admin.listen"].Origin, of["admin.pprof"].Origin)
	}
	if is.State != "auditing" || len(is.Listeners) != 4 || len(is.Backends) != 1 || !is.Backends[0].Up || is.StoreName != "memory" {
		t.Errorf("got %+v", is)
	}
	return is
}

func TestReloadIsTriedFirst(t *testing.T) {
	s := serveFile(t, "backend: http://127.0.0.1:9\nhost: a\n")
	s.write("backend: http://127.0.0.1:9\nhost: b\nlimits: {dial: 1s}\n")
	var said struct {
		Changed []string
		Changes []ui.Change
		Applied bool
	}
	if status := s.ask("POST", "/api/v1/reload", `{"dryRun":true}`, &said); status != 200 || said.Applied || !slices.Equal(said.Changes, []ui.Change{
		{Key: "host", Old: "a", New: "b"}, {Key: "limits.dial", Old: "10s", New: "1s", Held: true},
	}) {
		t.Errorf("%d %+v", status, said)
	}
	if status := s.ask("POST", "/api/v1/reload", "", nil); status != 422 {
		t.Errorf("reload: %d", status)
	}
	var lacks struct{ Reasons []struct{ Part, Name string } }
	if status := s.ask("GET", "/readyz", "", &lacks); status != 503 || len(lacks.Reasons) != 1 || lacks.Reasons[0].Part != "backend" || lacks.Reasons[0].Name != "default" {
		t.Errorf("readyz: %d %v", status, lacks)
	}
}

func TestWhatIsShownHasNoSecrets(t *testing.T) {
	for _, c := range []struct{ key, value, want string }{
		{"store", "postgres://user:CANARY@host/db", "postgres://***@host/db"},
		{"store", "postgres://host/db?user=a&password=CANARY&x=y", "postgres://host/db?user=a&password=***&x=y"},
		{"store", "postgres://host/db?sslpassword=CANARY", "postgres://host/db?sslpassword=***"},
		{"forward.upstream", "http://CANARY@proxy:3128", "http://***@proxy:3128"},
		{"forward.upstream", "http://a:p@CANARY@proxy", "http://***@proxy"},
		{"probes.identity.command", "vault read CANARY", "***"},
		{"backend", "http://127.0.0.1:3000", "http://127.0.0.1:3000"},
		{"host", "", ""},
	} {
		if got := (config.Setting{Key: c.key, Value: c.value}).Shown(); got != c.want {
			t.Errorf("%s: %q is shown as %q, want %q", c.key, c.value, got, c.want)
		}
	}
}
