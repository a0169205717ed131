package proxy

import (
	"math"
	"time"

	"github.com/interlock-proxy/interlock/wire"
)

// A record is what a session knows of the bytes that have passed.
type record struct {
	talk     wire.Conversation
	last     *lastReads // nil while the conversation records the tunnel
	recorded [2]bool    // the tunnel bytes of a direction are not recorded any more, so nothing becomes due by them
	framed   [2]bool    // they are read as frames nevertheless
	tunnel   bool       // a 101 has been seen, or nothing is looked at
	sealed   bool       // nothing is
	lost     bool       // a peer no longer answered
}

// lastReads are the last bytes of each direction of a tunnel that were not shown to the
// conversation; nil if they all were.
type lastReads [2]*wire.LastRead

// seal has nothing be looked at.
func (r *record) seal() { r.sealed, r.tunnel, r.recorded = true, true, [2]bool{true, true} }

// see shows bytes that were read to the conversation as long as they matter to it.
func (r *record) see(d wire.Direction, p []byte, now time.Time) {
	switch {
	case r.recorded[d] && !r.framed[d]:
	case r.tunnel:
		r.talk.Feed(d, p, now)
		r.recorded[d] = r.recorded[d] || !r.talk.Recording(d)
		r.framed[d] = r.recorded[d] && r.talk.Reading(d)
	default:
		r.talk.Feed(d, p, now)
		r.tunnel = r.talk.Switched()
		return
	}
	if r.recorded[d] && !r.sealed {
		r.keep(d).Keep(p, now)
	}
}

// quiet reports whether nothing becomes due by bytes of a direction.
func (r *record) quiet(d wire.Direction) bool { return r.recorded[d] && !r.talk.Streams() }

// keep is where the last bytes of a direction are kept.
func (r *record) keep(d wire.Direction) *wire.LastRead {
	if r.last == nil {
		r.last = new(lastReads)
	}
	if r.last[d] == nil {
		r.last[d] = new(wire.LastRead)
	}
	return r.last[d]
}

// skippable is how many of the bytes that come next in a direction need not be seen.
func (r *record) skippable(d wire.Direction) int64 {
	if r.recorded[d] && !r.framed[d] {
		return math.MaxInt64
	}
	return r.talk.Skippable(d)
}

// skip records bytes that went by without being seen.
func (r *record) skip(d wire.Direction, n int, now time.Time) {
	if !r.recorded[d] || r.framed[d] {
		r.talk.Skip(d, int64(n), now)
	}
	if r.recorded[d] && !r.sealed {
		r.keep(d).Pass(now)
	}
}

// conclude reports what is left to be reported once nothing more happens, and why it has ended. It
// returns why not everything could be read, in a few words.
func (r *record) conclude(cause wire.Cause, now time.Time) (unread string) {
	if last := r.last; last != nil {
		r.talk.Closing(*last, r.lost)
	} else if r.lost {
		r.talk.Closing([2]*wire.LastRead{}, true)
	}
	r.talk.Settle(cause, now)
	return r.talk.Unread()
}
