//go:build linux

package main

import (
	"slices"
	"testing"

	"github.com/interlock-proxy/interlock/rules"
)

func TestRowsAndContendersAreThere(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range rows {
		if seen[r.Name] || r.Measure == nil {
			t.Errorf("row %q comes twice, or measures nothing", r.Name)
		}
		seen[r.Name] = true
	}
	for _, w := range allWorks() {
		for _, name := range slices.Concat(w.Contenders, w.Against) {
			if !slices.Contains(names(contenders), name) {
				t.Errorf("row %s: %q is not a contender", w.Name, name)
			}
		}
		if w.Scale <= 0 || w.Count < 1 || w.Connections < 1 {
			t.Errorf("row %s measures nothing", w.Name)
		}
	}
	if got, err := choose(rows, "echo,get-32"); err != nil || !slices.Equal(names(got), []string{"get-32", "echo"}) {
		t.Errorf("got %q, %v", names(got), err)
	}
	if _, err := choose(rows, "echo,nothing"); err == nil {
		t.Error("a row that is not there was chosen")
	}
}

// TestPathsAreDistinctEndpoints checks that no path looks like an identifier, because all such
// paths would be one endpoint.
func TestPathsAreDistinctEndpoints(t *testing.T) {
	seen := map[string]bool{}
	for i := range 10_000 {
		path := "/chat/room" + letters(i)
		if rules.Template(path) != path || seen[path] {
			t.Fatalf("%d: path %q is not an endpoint of its own", i, path)
		}
		seen[path] = true
	}
}

// TestClientsHaveDistinctAddresses checks all addresses that a load may use.
func TestClientsHaveDistinctAddresses(t *testing.T) {
	seen := make(map[[4]byte]bool, 1_000_000)
	for i := range 1_000_000 {
		at := hostAddress(i)
		if at[0] != 127 || at[1] == 0 || seen[at] {
			t.Fatalf("client %d has the address %v", i, at)
		}
		seen[at] = true
	}
	if at := hostAddress(15_999_999); at[1] == 0 {
		t.Errorf("the last client has the address %v", at)
	}
}
