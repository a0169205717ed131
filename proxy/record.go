package proxy

import (
	"math"
	"time"

	"github.com/interlock-proxy/interlock/wire"
)

// A record is what a session knows of the bytes that have passed.
type record struct {
	talk     wire.Conversation
	last     *[wire.MaxNext]byte // how the last read from the server began; nil while the conversation records it
	lasting  uint8               // how much of last counts; nothing if what came last was spliced
	recorded [2]bool             // the tunnel bytes of a direction need not be shown to the conversation any more
	tunnel   bool                // a 101 has been seen, or nothing is looked at
	sealed   bool                // nothing is
}

// seal has nothing be looked at.
func (r *record) seal() { r.sealed, r.tunnel, r.recorded = true, true, [2]bool{true, true} }

// see shows bytes that were read to the conversation as long as they matter to it.
func (r *record) see(d wire.Direction, p []byte, now time.Time) {
	switch {
	case r.recorded[d]:
	case r.tunnel:
		r.talk.Feed(d, p, now)
		r.recorded[d] = !r.talk.Recording(d)
	default:
		r.talk.Feed(d, p, now)
		r.tunnel = r.talk.Switched()
		return
	}
	if d == wire.FromServer && r.recorded[d] && !r.sealed {
		if r.last == nil {
			r.last = new([wire.MaxNext]byte)
		}
		r.lasting = uint8(copy(r.last[:], p))
	}
}

// skippable is how many of the bytes that come next in a direction need not be seen.
func (r *record) skippable(d wire.Direction) int64 {
	if r.recorded[d] {
		return math.MaxInt64
	}
	return r.talk.Skippable(d)
}

// skip records bytes that went by without being seen.
func (r *record) skip(d wire.Direction, n int, now time.Time) {
	if d == wire.FromServer {
		r.lasting = 0
	}
	if !r.recorded[d] {
		r.talk.Skip(d, int64(n), now)
	}
}

// conclude reports what is left to be reported once nothing more happens, and why it has ended. It
// returns why not everything could be read, in a few words.
func (r *record) conclude(cause wire.Cause, now time.Time) (unread string) {
	if r.last != nil {
		r.talk.Last(r.last[:r.lasting])
	}
	r.talk.Settle(cause, now)
	return r.talk.Unread()
}
