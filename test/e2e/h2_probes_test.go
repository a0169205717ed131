//go:build e2e

package e2e

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// h2Probed has what the probes of HTTP/2 find at each server where they do not pass, by the same code names.
const h2Probed = "http2/probes.txt"

// weighty is a cell where what is less than medium counts as a pass: how some gateways end a tunnel is a race, and so
// are these findings.
func weighty(cell string) string {
	if strings.HasSuffix(cell, " low") || strings.HasSuffix(cell, " info") {
		return "pass"
	}
	return cell
}

// TestHTTP2ProbesAtServers sends all probes over HTTP/2 to each server, and compares what they find with the
// table.
func TestHTTP2ProbesAtServers(t *testing.T) {
	t.Parallel()
	probeOverHTTP2(t, h2Rounds())
}

// h2Rounds is how often probes are sent: twice for a new table, because of what is a race in a server. In make world
// they are sent more often.
func h2Rounds() int {
	if *writeH2Table {
		return 2
	}
	return 1
}

func probeOverHTTP2(t *testing.T, rounds int) {
	t.Helper()
	places := h2Places(true)
	compareWithTable(t, h2Probed, slices.Sorted(maps.Keys(places)), func(t *testing.T, code string, cells map[string]string) (rows string) {
		url := "h2c://" + places[code](t, tlsPair{}) + "/chat"
		flags := []string{"--store", "memory"}
		if code == "gateway-g" { // the others find the same as at gateway-b
			flags = append(flags, "--only", "UPGRADE-H2-PROTO-H2C-SETTINGS")
		}
		found := alternatives{}
		for range rounds {
			unsent := 0
			for _, r := range probe(t, url, flags...).results() {
				if got := weighty(cellOf(r)); got == "not-sent" {
					unsent++
				} else {
					found.take(t, cells, r.Probe, got, fmt.Sprintf(" (%s %s)", r.Detail, r.Reason))
				}
			}
			found.take(t, cells, "not-sent", fmt.Sprint(unsent), "")
		}
		return found.rows(32)
	})
}
