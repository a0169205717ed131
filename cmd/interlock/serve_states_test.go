package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/internal/accept"
	"github.com/interlock-proxy/interlock/internal/exit"
	"github.com/interlock-proxy/interlock/internal/lab"
	"github.com/interlock-proxy/interlock/internal/store"
)

// unsafely sends a handshake by POST, waits for its log line, the n-th, and returns the states in
// that line.
func (s *served) unsafely(t *testing.T, n int) string {
	t.Helper()
	s.request(strings.Replace(fmt.Sprintf(soundRequest, "a.test"), "GET /chat", "POST /chat", 1)).Close()
	event := s.await(t, "unsafe switch", n)
	if fmt.Sprint(event["rules"]) != "[UPGRADE-POST]" {
		t.Errorf("got %v", event)
	}
	return fmt.Sprint(event["states"])
}

// TestLiveFindingsHaveStates produces the same finding after several restarts with one store. It is
// new the first time and known after a restart, accepted once an entry is in the file, and
// reproduced if the baseline has it from a probe.
func TestLiveFindingsHaveStates(t *testing.T) {
	backend, err := lab.Start("any-method")
	if err != nil {
		t.Fatal(err)
	}
	defer backend.Close()
	dir := t.TempDir()
	file, report := filepath.Join(dir, "kept.db"), filepath.Join(dir, "probe.json")
	text := "backend: " + backend.URL + "\nstore: " + file + "\n"
	s := serveFile(t, text)
	if got := s.unsafely(t, 1) + s.unsafely(t, 2); got != "[new][new]" {
		t.Errorf("at first: %s", got)
	}
	s.await(t, "tunnel closed", 2)
	s.end()

	s = serveFile(t, text+"accept:\n- {rule: UPGRADE-POST, endpoint: /old, reason: a, until: 2026-01-31}\n- {rule: UPGRADE-POST, endpoint: /idle, reason: b}\n")
	if got := s.await(t, "accepted finding expired", 1)["entry"].(string); !strings.Contains(got, "at /old expired on 2026-01-31") {
		t.Errorf("got %q", got)
	}
	if got := s.unsafely(t, 1); got != "[known]" {
		t.Errorf("in the second start: %s", got)
	}
	a, err := accept.Add(s.file, accept.Written{Rule: "UPGRADE-POST", Endpoint: "/chat", Reason: "clients of 2019"})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Write(); err != nil {
		t.Fatal(err)
	}
	if changed := s.await(t, "configuration reloaded", 1)["changed"]; fmt.Sprint(changed) != "[accept]" {
		t.Errorf("changed: %v", changed)
	}
	if got := s.unsafely(t, 2); got != "[accepted]" {
		t.Errorf("once it is accepted: %s", got)
	}
	s.end()
	if got := s.await(t, "entry accepted nothing", 2)["entry"].(string); !strings.Contains(got, "at /idle accepted nothing") {
		t.Errorf("got %q", got)
	}
	if text := s.text.String(); strings.Count(text, "entry accepted nothing") != 2 {
		t.Errorf("more is left than was idle: %s", text)
	}

	if status, _, stderr := invoke("probe", backend.URL+"/chat", "--only", "UPGRADE-POST", "--store", "memory", "-o", "json="+report); status != exit.StatusFound {
		t.Fatalf("probe: %d %s", status, stderr)
	}
	s = serveFile(t, "backend: "+backend.URL+"\nbaseline: ["+report+"]\n")
	if got := s.unsafely(t, 1); got != "[reproduced]" {
		t.Errorf("what a probe has shown: %s", got)
	}
	s.end()

	kept, err := store.Open(t.Context(), file, store.Options{Existing: true})
	if err != nil {
		t.Fatal(err)
	}
	defer kept.Close()
	groups := store.ByRule(allFindings(t, kept))
	var got []string
	for _, p := range groups[0].Places {
		got = append(got, fmt.Sprintf("%s %d %s", p.Endpoint, p.Count, p.State))
	}
	if want := []string{"/chat 4 accepted"}; !slices.Equal(got, want) {
		t.Errorf("in the store: got %q, want %q", got, want)
	}
}

func allFindings(t *testing.T, s *store.Store) []store.Finding {
	t.Helper()
	all, err := s.Findings(t.Context(), store.Query{})
	if err != nil || len(all) == 0 {
		t.Fatal(all, err)
	}
	return all
}

// TestServeWithABaselineThatIsNone expects one clear error, and that serve opens nothing.
func TestServeWithABaselineThatIsNone(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "interlock.yaml")
	if err := os.WriteFile(file, []byte("backend: http://127.0.0.1:1\nlisten: 127.0.0.1:0\nadmin: 127.0.0.1:0\nstore: memory\nbaseline: [nowhere.json]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	status, stdout, stderr := invoke("serve", "--config", file)
	if status != exit.StatusUsage || stdout != "" || stderr != "interlock: baseline: open nowhere.json: no such file or directory\n" {
		t.Errorf("got %d, %q, %q", status, stdout, stderr)
	}
}
