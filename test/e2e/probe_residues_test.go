//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// TestProbesWeighTheServer probes a server on this machine whose process is named, and reads what each
// probe that can crash servers left behind in it.
func TestProbesWeighTheServer(t *testing.T) {
	t.Parallel()
	server := serve(t, newKeyed(t).addr())
	probe := func(pid int) result {
		return run(t, "interlock", "probe", "http://"+server.listen+"/chat", "--server-pid", fmt.Sprint(pid), "--risky", "--only", "UPGRADE-SEQ-UNMASKED,UPGRADE-POST", "--store", "memory", "-o", "json")
	}
	r := probe(server.cmd.Process.Pid)
	var d struct {
		Endpoints []struct{ Residues []residue }
	}
	if err := json.Unmarshal([]byte(r.stdout), &d); err != nil || len(d.Endpoints) != 1 {
		t.Fatalf("%v: %s%s", err, r.stdout, r.stderr)
	}
	all := d.Endpoints[0].Residues
	if len(all) != 1 || all[0].Probe != "UPGRADE-SEQ-UNMASKED" {
		t.Fatalf("got %+v: %s", all, r.stderr)
	}
	for _, is := range []usage{all[0].Before, all[0].After} {
		if is.Descriptors < 3 || is.Threads < 1 || is.Memory < 1<<20 {
			t.Errorf("got %+v", all[0])
		}
	}
	other := serve(t, newKeyed(t).addr())
	other.stop()
	if r := probe(other.cmd.Process.Pid); r.status != 2 || !strings.Contains(r.stderr, "cannot read what this process has in use") {
		t.Errorf("of a process that has ended: status %d, %s", r.status, r.stderr)
	}
}

// A residue is what a server had in use before and after a probe.
type residue struct {
	Probe         string
	Before, After usage
}

type usage struct {
	Descriptors, Threads int
	Memory               int64
}
