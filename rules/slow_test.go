package rules

import (
	"testing"
	"time"
)

// TestShortTimesAreReadable checks times in findings, of which everything beyond ASCII is escaped.
func TestShortTimesAreReadable(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0.01ms", 60 * time.Microsecond: "0.06ms", 2 * time.Millisecond: "2ms", 6384 * time.Microsecond: "6.38ms", 75900 * time.Microsecond: "76ms", 2 * time.Second: "2s",
	} {
		if got := brief(d); got != want {
			t.Errorf("%v: got %s, want %s", d, got, want)
		}
	}
}
