//go:build world

package measure

import "testing"

// mostDiffer is the share of cells that may differ between two runs.
const mostDiffer = 0.001

// TestWorldOfServers measures the servers of all recipes, which scoreboard/install installs, and
// compares them with the committed data.
func TestWorldOfServers(t *testing.T) { compare(t, nil, mostDiffer) }
