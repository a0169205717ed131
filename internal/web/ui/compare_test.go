package ui

import (
	"testing"

	"github.com/interlock-proxy/interlock/internal/store"
)

// TestCompareShowsWhatDiffers, the worse first, and nothing of what only one side was sent.
func TestCompareShowsWhatDiffers(t *testing.T) {
	side := func(endpoint string, all ...store.Result) []store.Result {
		for i := range all {
			all[i].Endpoint, all[i].Backend = endpoint, "of "+endpoint
		}
		return all
	}
	a := side("/a", store.Result{Probe: "SAME", Verdict: "pass", Status: 400}, store.Result{Probe: "BETTER", Verdict: "fail", Status: 101}, store.Result{Probe: "WORSE", Verdict: "pass", Status: 400},
		store.Result{Probe: "STATUS", Verdict: "pass", Status: 400}, store.Result{Probe: "UNSENT", Verdict: "pass", Status: 400}, store.Result{Probe: "ALONE", Verdict: "fail"})
	b := side("/b", store.Result{Probe: "SAME", Verdict: "pass", Status: 400}, store.Result{Probe: "BETTER", Verdict: "pass", Status: 400}, store.Result{Probe: "WORSE", Verdict: "warn", Status: 500},
		store.Result{Probe: "STATUS", Verdict: "pass", Status: 403}, store.Result{Probe: "UNSENT", Verdict: "not-sent", Reason: "risky"})
	var v compareView
	v.hold(a, b)
	got := ""
	for _, d := range v.Changed {
		got += d.Probe + " " + d.Trend + "; "
	}
	if want := "WORSE worse; BETTER better; STATUS other; UNSENT other; "; got != want || v.Same != 1 || v.Alone != 1 || v.Worse != 1 || v.Better != 1 {
		t.Errorf("got %q, %+v, want %q", got, v, want)
	}
}
