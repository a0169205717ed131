package capture

import "time"

// The clock of a live capture runs while no packet comes, so that the end of a second after a 101 does not
// wait for the next packet. It stops then: packets may be on their way, because programs that capture
// collect them before they write them, and a later packet proves that more time has passed.
const (
	clockRuns = 10 * time.Second // after the last packet
	clockStep = time.Second      // how often all connections are looked at
)

// arrive records when a packet of a live capture was captured, and when it came.
func (t *streams) arrive(when time.Time) {
	t.latest, t.arrived = when, time.Now()
	if t.now.Sub(t.ticked) >= clockStep {
		t.tickAll()
	}
}

// idle advances the clock of a live capture while no packet comes.
func (t *streams) idle() {
	if t.arrived.IsZero() {
		return
	}
	if now := t.latest.Add(min(time.Since(t.arrived), clockRuns)); now.After(t.now) {
		t.now = now
	}
	t.tickAll()
}

// tickAll advances the clocks of all conversations.
func (t *streams) tickAll() {
	t.ticked = t.now
	for c := range t.connections {
		if c.live != nil {
			c.tick()
			c.rest()
		}
	}
}
