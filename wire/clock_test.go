package wire

import (
	"testing"
	"time"
)

// TestAClockThatJumpsMakesNothingNegative sets the clock forward and back at every step of a
// switch: between the request and the response, in the tunnel, and before the end. Recordings have
// no monotonic clock by which to measure durations.
func TestAClockThatJumpsMakesNothingNegative(t *testing.T) {
	for _, jump := range []time.Duration{time.Hour, -time.Hour, 30 * 365 * 24 * time.Hour, -30 * 365 * 24 * time.Hour} {
		for at := range 6 { // at 5 the clock does not jump
			var last *Exchange
			common := silent()
			common.Emit = func(x *Exchange) { last = x }
			var c Conversation
			c.Open(common)
			now := start
			step := func(i int) time.Time {
				if now = now.Add(time.Millisecond); i == at {
					now = now.Add(jump)
				}
				return now
			}
			for i, chunk := range saying() {
				c.Feed(chunk.From, chunk.Bytes, step(i))
				c.Wrote(chunk.From, len(chunk.Bytes))
			}
			c.Tick(now.Add(AftermathFor)) // from here on the exchange may be packed
			c.Ended(FromClient, step(3))
			c.Settle(CauseClient, step(4))
			if last == nil || !last.Final || last.Outcome != Switched || last.After.ClientBytes != 8 {
				t.Fatalf("%v at step %d: got %+v, want a switch that has ended", jump, at, last)
			}
			if last.Took < 0 || last.After.Open < 0 {
				t.Errorf("%v at step %d: took %v, open %v", jump, at, last.Took, last.After.Open)
			}
			if at == 5 && (last.Took != time.Millisecond || last.After.Open != 3*time.Millisecond) {
				t.Errorf("took %v, open %v; want 1ms and 3ms", last.Took, last.After.Open)
			}
		}
	}
}
