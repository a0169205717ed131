package measure

import (
	"bytes"
	"path/filepath"
	"slices"
	"testing"

	"github.com/interlock-proxy/interlock/scoreboard/recipe"
	"github.com/interlock-proxy/interlock/scoreboard/results"
)

// installed are recipes whose servers CI has: one in each of Go, JavaScript, Python and C.
func installed() []string { return []string{"gorilla", "libwebsockets", "python-websockets", "ws"} }

// TestServersAnswerAsCommitted measures a few servers, and compares the cells with the committed data.
// A server that has another version than there is named, and not compared.
func TestServersAnswerAsCommitted(t *testing.T) {
	compare(t, installed(), 0)
}

// compare measures servers, and fails if a larger share of cells differs from the committed data.
func compare(t *testing.T, ids []string, most float64) {
	t.Helper()
	all, err := recipe.All("../recipes")
	if err != nil {
		t.Fatal(err)
	}
	want := committed(t)
	if len(ids) > 0 {
		other := func(id string) bool { return !slices.Contains(ids, id) }
		all = slices.DeleteFunc(all, func(r *recipe.Recipe) bool { return other(r.ID) })
		want.Servers = slices.DeleteFunc(want.Servers, func(s results.Server) bool { return other(s.ID) })
	}
	got, err := All(t.Context(), all, want.Interlock, func(line string) { t.Log(line) })
	if err != nil {
		t.Error(err)
	}
	for _, f := range got.Failed {
		t.Errorf("%s: %s", f.ID, f.Error)
	}
	if !slices.Equal(got.LeftOut, want.LeftOut) {
		t.Error("other probes are left out than in the committed data: measure again, see scoreboard/README.md")
	}
	d := Diff(want, got)
	for _, line := range d.Versions {
		t.Logf("another version, not compared: %s", line)
	}
	if len(d.Missing) > 0 || d.Share() > most {
		var b bytes.Buffer
		d.Write(&b)
		t.Errorf("not as in the committed data:\n%s", &b)
	}
}

// committed is the newest file of results.
func committed(t *testing.T) *results.Run {
	t.Helper()
	files, err := filepath.Glob("../data/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no results are committed: %v", err)
	}
	run, err := results.Read(slices.Max(files))
	if err != nil {
		t.Fatal(err)
	}
	return run
}
