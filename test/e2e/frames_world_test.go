//go:build e2e && world

package e2e

import "testing"

// TestWorldFramesAtLibraries is TestFramesAtLibraries with more runs, and with the libraries in C++,
// which compile long.
func TestWorldFramesAtLibraries(t *testing.T) {
	table := expectedOfLibraries(t)
	for _, servers := range []map[string]func(*testing.T) string{echoServers(), compiledServers()} {
		for name, start := range servers {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				const runs = 5
				readsFrames(t, start(t), name, table, runs)
			})
		}
	}
}

// TestWorldCompiledLibrariesRaiseNothing is TestLibrariesRaiseNothing for the libraries in C++.
func TestWorldCompiledLibrariesRaiseNothing(t *testing.T) {
	for name, start := range compiledServers() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			raisesNothing(t, start(t))
		})
	}
}
