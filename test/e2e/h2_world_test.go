//go:build e2e && world

package e2e

import "testing"

// TestWorldHTTP2ProbesAtServers and TestWorldChainOverHTTP2 are those without World, with more runs.
func TestWorldHTTP2ProbesAtServers(t *testing.T) {
	t.Parallel()
	probeOverHTTP2(t, 4)
}

func TestWorldChainOverHTTP2(t *testing.T) {
	t.Parallel()
	chainOverHTTP2(t, 4)
}
