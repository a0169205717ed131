package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/internal/config"
	"github.com/interlock-proxy/interlock/internal/exit"
	"github.com/interlock-proxy/interlock/internal/lab"
	"github.com/interlock-proxy/interlock/internal/store"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// invoke runs a command and returns its status and its output.
func invoke(args ...string) (status int, stdout, stderr string) {
	var out, complaints bytes.Buffer
	status = execute(args, &out, &complaints)
	return status, out.String(), complaints.String()
}

// TestWhatServeKeepsIsThere has serve write to a store, then inspects it with the commands. The
// report agrees with the log, the secret is nowhere, a replay goes only to the backend, an export
// can be imported, and pruning deletes.
func TestWhatServeKeepsIsThere(t *testing.T) {
	backend, err := lab.Start("any-method")
	if err != nil {
		t.Fatal(err)
	}
	defer backend.Close()
	dir := t.TempDir()
	file := filepath.Join(dir, "kept.db")
	s := serveFile(t, "backend: "+backend.URL+"\nstore: "+file+"\n")
	for _, method := range []string{"GET", "POST"} {
		conn := s.request(method + " /chat?token=CANARY HTTP/1.1\r\nHost: a.test\r\nCookie: s=CANARY\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
			"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")
		conn.Close()
	}
	s.await(t, "tunnel closed", 2)
	unsafe := s.await(t, "unsafe switch", 1)["exchange"].(string)
	s.end()
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the store: %v, %v", info, err)
	}
	status, text, stderr := invoke("report", "--store", file, "-o", "ndjson", "--live")
	if status != exit.StatusFound || strings.Count(text, "\n") != 2 || !strings.Contains(text, unsafe) || !strings.Contains(text, `"unsafe":true`) {
		t.Errorf("report: status %d\n%s%s", status, text, stderr)
	}
	held, err := os.ReadFile(file)
	if err != nil || holds([]byte(text), "CANARY") || holds(held, "CANARY") {
		t.Errorf("the secret is kept (%v)", err)
	}
	if status, text, _ := invoke("report", "--store", file, "--rule", "UPGRADE-HTTP10"); status != exit.StatusUnknown || !strings.Contains(text, "RESULT fail=0") {
		t.Errorf("report of what is not there: status %d\n%s", status, text)
	}
	if status, _, stderr := invoke("replay", unsafe, "--store", file, "--backend", backend.URL); status != exit.StatusUsage || !strings.Contains(stderr, "the parameter token, Cookie") {
		t.Errorf("replay of what was blanked out: status %d %s", status, stderr)
	}
	copied := filepath.Join(dir, "copy.db")
	exported := filepath.Join(dir, "export.ndjson")
	for _, args := range [][]string{
		{"store", "export", exported, "--store", file}, {"store", "import", exported, "--store", copied}, {"store", "prune", "--count", "1", "--store", copied},
	} {
		if status, text, stderr := invoke(args...); status != 0 {
			t.Errorf("%s: status %d\n%s%s", args, status, text, stderr)
		}
	}
	if status, _, stderr := invoke("report", "--store", filepath.Join(dir, "nosuch.db")); status != exit.StatusUsage || !strings.Contains(stderr, "not there") {
		t.Errorf("a store that is not there: status %d %s", status, stderr)
	}
	if status, _, stderr := invoke("report", "--store", exported); status != exit.StatusUsage || strings.Count(stderr, "\n") != 1 {
		t.Errorf("a file that is not a store: status %d %s", status, stderr)
	}
}

// holds reports whether a text contains a secret, as it is or in base64. In base64 the middle of a
// word depends on its offset.
func holds(text []byte, secret string) bool {
	for at := range 3 {
		word := base64.StdEncoding.EncodeToString([]byte(strings.Repeat(" ", at) + secret))
		if bytes.Contains(text, []byte(word[at+1:len(word)-4])) {
			return true
		}
	}
	return bytes.Contains(text, []byte(secret))
}

// TestEvidenceIsKeptAsConfigured checks the contents of the store for each mode: one mode keeps
// secrets, and all but one keep exchanges.
func TestEvidenceIsKeptAsConfigured(t *testing.T) {
	backend, err := lab.Start("any-method")
	if err != nil {
		t.Fatal(err)
	}
	defer backend.Close()
	for mode, want := range map[string]struct {
		secret bool
		status int // of the report command
	}{config.KeepRedacted: {false, exit.StatusFound}, config.KeepFull: {true, exit.StatusFound}, config.KeepNone: {false, exit.StatusUnknown}} {
		file := filepath.Join(t.TempDir(), "kept.db")
		s := serveFile(t, "backend: "+backend.URL+"\nstore: "+file+"\nevidence: {keep: "+mode+"}\n")
		s.request("POST /chat HTTP/1.1\r\nHost: a.test\r\nAuthorization: Bearer CANARY-IN-THE-HEAD\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
			"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n").Close()
		s.await(t, "tunnel closed", 1)
		s.end()
		held, err := os.ReadFile(file)
		if err != nil || holds(held, "CANARY-IN-THE-HEAD") != want.secret || holds(s.text.Bytes(), "CANARY-IN-THE-HEAD") {
			t.Errorf("%s: a secret in the store %v, in the log %v, %v", mode, holds(held, "CANARY-IN-THE-HEAD"), holds(s.text.Bytes(), "CANARY-IN-THE-HEAD"), err)
		}
		if status, text, _ := invoke("report", "--store", file); status != want.status {
			t.Errorf("%s: status %d\n%s", mode, status, text)
		}
		kept, err := store.Open(t.Context(), file, store.Options{Existing: true})
		if err != nil {
			t.Fatal(err)
		}
		if all := allFindings(t, kept); all[0].Rule != "UPGRADE-POST" || all[0].Count != 1 {
			t.Errorf("%s: got %+v", mode, all)
		}
		kept.Close()
	}
}

// TestReplayGoesToTheRouteOfTheExchange replays an exchange of a route with a configuration that
// has this route, and with one that does not.
func TestReplayGoesToTheRouteOfTheExchange(t *testing.T) {
	wrong, err := lab.Start("any-method")
	if err != nil {
		t.Fatal(err)
	}
	defer wrong.Close()
	right, err := lab.Start("gorilla")
	if err != nil {
		t.Fatal(err)
	}
	defer right.Close()
	dir := t.TempDir()
	text := "backend: " + right.URL + "\nstore: " + filepath.Join(dir, "kept.db") + "\n"
	routes := "routes:\n- {name: chat, hosts: [chat.test], backend: \"" + wrong.URL + "\"}\n"
	s := serveFile(t, text+routes)
	s.request(strings.Replace(fmt.Sprintf(soundRequest, "chat.test"), "GET /chat", "POST /chat", 1)).Close()
	id := s.await(t, "unsafe switch", 1)["exchange"].(string)
	s.end()
	if status, text, stderr := invoke("replay", id, "--config", s.file); status != exit.StatusFound || !strings.Contains(text, "nothing differs") {
		t.Errorf("status %d\n%s%s", status, text, stderr)
	}
	s.write(text)
	if status, _, stderr := invoke("replay", id, "--config", s.file); status != exit.StatusUsage || !strings.Contains(stderr, `the configuration does not have the route "chat"`) {
		t.Errorf("status %d %s", status, stderr)
	}
	if _, text, _ := invoke("replay", id, "--config", s.file, "--backend", right.URL); !strings.Contains(text, "switched, and now refused") {
		t.Errorf("got %s", text)
	}
}

// TestReplaySaysWhatDiffers replays an exchange to the same backend, and to one that has been
// fixed.
func TestReplaySaysWhatDiffers(t *testing.T) {
	wrong, err := lab.Start("any-method")
	if err != nil {
		t.Fatal(err)
	}
	defer wrong.Close()
	right, err := lab.Start("gorilla")
	if err != nil {
		t.Fatal(err)
	}
	defer right.Close()
	file := filepath.Join(t.TempDir(), "kept.db")
	s := serveFile(t, "backend: "+wrong.URL+"\nstore: "+file+"\n")
	s.request(strings.Replace(fmt.Sprintf(soundRequest, "a.test"), "GET /chat", "POST /chat", 1)).Close()
	id := s.await(t, "unsafe switch", 1)["exchange"].(string)
	s.end()
	if status, text, _ := invoke("replay", id, "--store", file, "--backend", wrong.URL); status != exit.StatusFound || !strings.Contains(text, "nothing differs") {
		t.Errorf("again: status %d\n%s", status, text)
	}
	if _, text, _ := invoke("replay", id, "--store", file, "--backend", right.URL); !strings.Contains(text, "outcome   switched, and now refused") {
		t.Errorf("mended:\n%s", text)
	}
	want := "name the backend with --backend, or its configuration with --config; when the exchange was recorded, it was at " + strings.TrimPrefix(wrong.URL, "http://")
	if status, _, stderr := invoke("replay", id, "--store", file); status != exit.StatusUsage || !strings.Contains(stderr, want) {
		t.Errorf("no backend: status %d, %s", status, stderr)
	}
}

// TestNoRulesAreNamedNone holds that a difference has a word for either side.
func TestNoRulesAreNamedNone(t *testing.T) {
	ruling := func(verdict rules.Verdict) *rules.Ruling {
		return &rules.Ruling{X: new(wire.Exchange), Findings: []rules.Finding{{Rule: rules.Find("UPGRADE-POST"), Verdict: verdict}}}
	}
	if got := difference(ruling(rules.Fail), ruling(rules.Pass)); len(got) != 1 || got[0] != "rules     UPGRADE-POST, and now none" {
		t.Errorf("got %q", got)
	}
}
