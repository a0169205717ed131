//go:build linux

package main

import (
	"maps"
	"os"
	"slices"
	"testing"
	"time"
)

func TestStatLineIsReadAfterTheName(t *testing.T) {
	for name, line := range map[string]string{
		"plain":       "4717 (nginx) S 4711 4711 3035 0 -1 4194304 102 0 0 0 31 12 0 0 20 0 1 0 81713 3133440 388",
		"parentheses": "4717 (a) R 1 (b)) S 4711 4711 3035 0 -1 4194304 102 0 0 0 31 12 0 0 20 0 1 0 81713 3133440 388",
	} {
		got, err := parseStat(line)
		if want := (stat{parent: 4711, cpu: 430 * time.Millisecond}); err != nil || got != want {
			t.Errorf("%s: got %v, %v; want %v", name, got, err, want)
		}
	}
	for _, line := range []string{"", "4717 (nginx) S 4711", "4717 (nginx) S x 4711 3035 0 -1 4194304 102 0 0 0 31 12 0"} {
		if got, err := parseStat(line); err == nil {
			t.Errorf("%q: got %v, want an error", line, got)
		}
	}
}

func TestFamilyIsExactlyTheDescendants(t *testing.T) {
	all := map[int]stat{1: {parent: 0}, 10: {parent: 1}, 11: {parent: 10}, 12: {parent: 11}, 20: {parent: 1}}
	got := slices.Sorted(maps.Keys(descendants(all, 10)))
	if want := []int{10, 11, 12}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestOwnProcessIsRead(t *testing.T) {
	if _, err := cpuTime(os.Getpid()); err != nil {
		t.Error(err)
	}
	if kB, err := memoryPSS(os.Getpid()); err != nil || kB == 0 {
		t.Errorf("got %d kB, %v", kB, err)
	}
}

func TestPSSIsNotOneOfItsParts(t *testing.T) {
	got, err := parsePSS("55d3-7fff ---p 00000000 00:00 0 [rollup]\nRss:     1740 kB\nPss:      370 kB\nPss_Dirty:   112 kB\n")
	if err != nil || got != 370 {
		t.Errorf("got %d, %v; want 370", got, err)
	}
}
