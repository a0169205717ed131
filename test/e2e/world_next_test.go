//go:build e2e && world

package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// TestWorldNextConnectsToNothing probes Next.js 15.5.15, which takes an absolute target of an upgrade
// for the address to forward it to (CVE-2026-44578), and the release that does not. The valid
// handshake gets no answer from either.
func TestWorldNextConnectsToNothing(t *testing.T) {
	for folder, want := range map[string]map[string]string{
		"open":  {"UPGRADE-TARGET-CANARY": "fail", "UPGRADE-TARGET-OTHER-HOST": "fail"},
		"fixed": {},
	} {
		file := filepath.Join(t.TempDir(), "json")
		got := run(t, "next/probe", folder, file)
		p := &probed{result: got}
		text, err := os.ReadFile(file)
		if err == nil {
			err = json.Unmarshal(text, p)
		}
		if err != nil || len(p.Endpoints) != 1 || len(p.results()) < 5 {
			t.Fatalf("%s: %v, status %d\n%s%s", folder, err, got.status, got.stdout, got.stderr)
		}
		fails := 0
		for _, r := range p.results() {
			if r.Verdict == "fail" {
				fails++
			}
			if r.Verdict == "fail" && want[r.Probe] != "fail" || want[r.Probe] != "" && r.Verdict != want[r.Probe] {
				t.Errorf("%s: got %+v", folder, r)
			}
		}
		if critical := len(p.found("UPGRADE-TARGET-CANARY", "fail")); fails != len(want) || critical != min(len(want), 1) {
			t.Errorf("%s: got %d failures, %d at the listener\n%s", folder, fails, critical, got.stderr)
		}
	}
}
