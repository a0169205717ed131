//go:build linux

package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// TestTargetsHaveTheSameSchedule paces two servers, of which one answers late.
func TestTargetsHaveTheSameSchedule(t *testing.T) {
	const rate, count, delay = 500, 200, 30 * time.Millisecond
	var targets []string
	for _, late := range []time.Duration{0, delay} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			<-time.After(late)
			_, _ = io.WriteString(w, originBody)
		}))
		defer s.Close()
		targets = append(targets, strings.TrimPrefix(s.URL, "http://"))
	}
	p, err := newPacer(targets, rate, count)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.run(); err != nil {
		t.Fatal(err)
	}
	times := readPace(p.records, len(targets))
	const every = time.Second / rate
	var first [2][count]bool
	for of := range times {
		if len(times[of]) != count {
			t.Fatalf("target %d: %d requests, want %d", of, len(times[of]), count)
		}
		for _, r := range times[of] {
			if place := r.at % every; place != 0 && place != every/2 {
				t.Fatalf("target %d: due at %v", of, r.at)
			}
			first[of][r.at/every] = r.at%every == 0
			if r.value <= 0 || of == 1 && r.value < float64(delay.Microseconds()) {
				t.Errorf("target %d: took %v µs", of, r.value)
			}
		}
	}
	ahead := 0
	for i := range count {
		if first[0][i] == first[1][i] {
			t.Fatalf("interval %d: both targets have the same place", i)
		}
		if first[0][i] {
			ahead++
		}
	}
	if ahead < count/3 || ahead > count*2/3 {
		t.Errorf("the first target is ahead in %d of %d intervals", ahead, count)
	}
	if d := differenceOf(0.5, "the first", times[1], times[0]); d.Value <= 0 || d.Verdict != undecided {
		t.Errorf("got %v, want more than 0 and nothing decided after %d blocks", d, count/rate)
	}
}

func TestRoundsDoNotShareBlocks(t *testing.T) {
	var m together
	for range 3 {
		m.add([][]timed{{{at: 0, value: 1}, {at: 990 * time.Millisecond, value: 1}}}, time.Second)
	}
	for _, length := range blockLengths {
		last := map[time.Duration]int{}
		for i, round := range m.rounds {
			for _, r := range round[0] {
				if was, ok := last[r.at/length]; ok && was != i {
					t.Errorf("blocks of %v: %v is in a block of round %d", length, r.at, was)
				}
				last[r.at/length] = i
			}
		}
	}
}

func TestARoundOfAPairIsEntered(t *testing.T) {
	f := newFigures("latency", "GET", "µs", []string{paceReference}, []string{paceReference, shipped})
	var m together
	for range 2 {
		var x, y []timed
		for i := range 100 {
			x, y = append(x, timed{value: float64(i)}), append(y, timed{value: 2 * float64(i)})
		}
		m.add([][]timed{x, y}, time.Second)
	}
	m.enter(&f, 0.5, shipped, paceReference, true)
	base, own := f.Columns[0], f.Columns[1]
	if base.Value != 100 || *base.Ratio != 1 || own.Value != 50 || *own.Ratio != 0.5 || len(base.Rounds) != 2 || len(own.Rounds) != 2 {
		t.Errorf("got %+v and %+v", base, own)
	}
	if d := own.Difference; d == nil || d.To != paceReference || d.Value != -50 || base.Difference != nil {
		t.Errorf("got %v", d)
	}
}
