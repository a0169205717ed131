//go:build e2e

package e2e

import (
	"cmp"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
)

var writeH2Table = flag.Bool("h2table", false, "write the tables of servers of HTTP/2")

// compareWithTable has each server compared with its cells of a table, several at the same time, although they take
// the place of one test. at returns the rows as they are now, which are written with -h2table.
func compareWithTable(t *testing.T, file string, codes []string, at func(t *testing.T, code string, cells map[string]string) (rows string)) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	table := h2Cells(t, string(text))
	found := make(chan string, len(codes))
	var running sync.WaitGroup
	free := make(chan struct{}, 6) // servers at the same time, as they mostly wait
	for _, code := range codes {
		running.Go(func() {
			free <- struct{}{}
			defer func() { <-free }()
			t.Run(code, func(t *testing.T) {
				cells, known := table[code]
				if !known && !*writeH2Table {
					t.Fatalf("%s has no %s", file, code)
				}
				found <- "\n" + code + "\n" + at(t, code, cells)
			})
		})
	}
	running.Wait()
	close(found)
	if *writeH2Table {
		writeSections(t, file, string(text), found)
	}
}

// alternatives are the cells that several runs have found, by probe; of a pass there is none.
type alternatives map[string]string

// take compares a cell with those of the table, and keeps it.
func (a alternatives) take(t *testing.T, cells map[string]string, id, got, about string) {
	t.Helper()
	want := cmp.Or(cells[id], "pass")
	if !slices.Contains(strings.Split(want, " | "), got) && !*writeH2Table {
		t.Errorf("%s: got %s%s, want %s", id, got, about, want)
	}
	if got != "pass" && !strings.Contains(a[id], got) {
		a[id] = strings.TrimPrefix(a[id]+" | "+got, " | ")
	}
}

// rows are the cells as the table has them.
func (a alternatives) rows(width int) (rows string) {
	for _, id := range slices.Sorted(maps.Keys(a)) {
		rows += fmt.Sprintf("  %-*s %s\n", width, id, a[id])
	}
	return rows
}

// writeSections replaces the sections of a table, and keeps what is before them.
func writeSections(t *testing.T, table, text string, found <-chan string) {
	t.Helper()
	var sections []string
	for each := range found {
		sections = append(sections, each)
	}
	slices.Sort(sections)
	head, _, _ := strings.Cut(text, "\ngateway-a\n")
	if err := os.WriteFile(table, []byte(head+strings.Join(sections, "")), 0o644); err != nil {
		t.Error(err)
	}
}

// h2Cells reads a table: what is said of each request at each server.
func h2Cells(t *testing.T, text string) map[string]map[string]string {
	t.Helper()
	all := map[string]map[string]string{}
	code := ""
	for each := range strings.Lines(text) {
		name, cell, ok := strings.Cut(strings.TrimSpace(each), " ")
		switch {
		case strings.HasPrefix(each, "#") || name == "":
		case !strings.HasPrefix(each, " "):
			code = name
			all[code] = map[string]string{}
		case ok && code != "":
			all[code][name] = strings.TrimSpace(cell)
		default:
			t.Fatalf("not a cell: %q", each)
		}
	}
	return all
}
