//go:build linux

package main

import "testing"

func TestPastIsTheSumOfItsSeries(t *testing.T) {
	got := parsePast("# HELP interlock_exchanges_total Exchanges.\n" +
		"interlock_evidence_shed_total{reason=\"memory\"} 5\ninterlock_evidence_shed_total{reason=\"store\"} 3\n" +
		"interlock_exchanges_total{verdict=\"pass\"} 1e+07\ninterlock_exchanges_total{verdict=\"fail\"} 2\n" +
		"interlock_store_exchanges_written_total 7\ninterlock_store_waiting 4\ninterlock_store_waiting_more 100\n")
	if want := (past{judged: 10_000_002, written: 7, shed: 3, waiting: 4}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
