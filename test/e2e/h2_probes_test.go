//go:build e2e

package e2e

import (
	"cmp"
	"fmt"
	"maps"
	"os"
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

// TestHTTP2ProbesAtServers sends all probes over HTTP/2 to each server twice, and compares what they find
// with the table.
func TestHTTP2ProbesAtServers(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(h2Probed)
	if err != nil {
		t.Fatal(err)
	}
	table := h2Cells(t, string(text))
	places := h2Places()
	found := make(chan string, len(places))
	t.Run("all", func(t *testing.T) {
		for _, code := range slices.Sorted(maps.Keys(places)) {
			t.Run(code, func(t *testing.T) {
				t.Parallel()
				if _, known := table[code]; !known && !*writeH2Table {
					t.Fatalf("%s has no %s", h2Probed, code)
				}
				url := "h2c://" + places[code](t) + "/chat"
				flags := []string{"--store", "memory"}
				if code == "gateway-g" { // the others find the same as at gateway-b
					flags = append(flags, "--only", "UPGRADE-H2-PROTO-H2C-SETTINGS")
				}
				cells := map[string]string{}
				for range 2 {
					unsent := 0
					for _, r := range probe(t, url, flags...).results() {
						got := weighty(cellOf(r))
						if got == "not-sent" {
							unsent++
							continue
						}
						want := cmp.Or(table[code][r.Probe], "pass")
						if !slices.Contains(strings.Split(want, " | "), got) && !*writeH2Table {
							t.Errorf("%s: got %s (%s %s), want %s", r.Probe, got, r.Detail, r.Reason, want)
						}
						if got != "pass" && !strings.Contains(cells[r.Probe], got) {
							cells[r.Probe] = strings.TrimPrefix(cells[r.Probe]+" | "+got, " | ")
						}
					}
					cells["not-sent"] = fmt.Sprint(unsent)
					if want := table[code]["not-sent"]; cells["not-sent"] != want && !*writeH2Table {
						t.Errorf("%d probes were not sent, want %s", unsent, want)
					}
				}
				section := "\n" + code + "\n"
				for _, id := range slices.Sorted(maps.Keys(cells)) {
					section += fmt.Sprintf("  %-32s %s\n", id, cells[id])
				}
				found <- section
			})
		}
	})
	close(found)
	if *writeH2Table {
		writeSections(t, h2Probed, string(text), found)
	}
}
