package probe

import (
	"slices"
	"time"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// reactionTime is how long a server has to close the connection at a frame before it is asked
// whether it reads on. If it closes later, that still counts.
const reactionTime = 20 * time.Millisecond

// testFrames sends the frames of a probe after a ping that the server has answered, and waits for its
// reaction. It reports whether it has sent a close frame that the server should answer.
func (a *attempt) testFrames() (polite bool) {
	a.say(rules.Ping)
	a.await(a.pongTime(a.settings.Tail), func(f reply) bool { return f.pong || f.closed })
	switch {
	case a.closing():
		return false
	case a.agreed(a.h.Agreed):
		a.say(a.h.After)
		a.react(a.h.Frames)
	}
	if a.closing() || a.over == wire.CauseServer || a.h.Frames.Closes() {
		return false
	}
	a.say(closeFrame)
	return true
}

// react waits for the reaction to the frames of a test.
func (a *attempt) react(t *rules.FrameTest) {
	closed := func(f reply) bool { return f.closed }
	switch t.Expects {
	case rules.FramesFail, rules.FramesMayFail, rules.FramesPass:
		if t.Expects != rules.FramesPass {
			a.await(reactionTime+2*a.answered.Sub(a.began), closed)
		}
		if a.closing() {
			return
		}
		a.say(rules.Later)
		later := func(f reply) bool { return f.closed || slices.Contains(f.pongs, rules.PingLater) }
		a.await(a.patient(a.pongTime(a.settings.Tail)), later)
		switch {
		case a.closing():
		case slices.Contains(readFrames(a.behind).pongs, rules.PingLater):
			a.await(a.quiet(), closed)
		case t.Expects == rules.FramesFail:
			a.stalls.Add(1)
		}
	case rules.FramesPong:
		payload := t.LastPing()
		a.await(a.pongTime(a.settings.Head), func(f reply) bool { return f.closed || slices.Contains(f.pongs, payload) })
	case rules.FramesClose:
		a.await(a.settings.Head, closed)
	case rules.FramesHangUp:
		a.await(a.settings.Head, func(reply) bool { return false })
	case rules.FramesDiscard:
		a.await(a.settings.Head, closed)
		a.await(a.quiet(), func(reply) bool { return false })
	default:
		a.await(a.settings.Tail, closed)
	}
}

// await reads what the server sends for at most that long.
func (a *attempt) await(most time.Duration, enough func(reply) bool) {
	until := time.Now().Add(most)
	a.conn.SetWriteDeadline(until.Add(a.settings.Tail))
	a.hear(until, func() bool { return enough(readFrames(a.behind)) })
}

// closing reports whether the server has sent a close frame or ended the connection.
func (a *attempt) closing() bool {
	return a.over == wire.CauseServer || a.over == wire.CauseServerReset || readFrames(a.behind).closed
}

// mostStalls is how many probes of a run wait as long as they can for a server that does nothing.
const mostStalls = 3

// patient is how long to wait where silence shows nothing: not long if the server has been silent at
// other frames.
func (a *attempt) patient(most time.Duration) time.Duration {
	if a.stalls.Load() >= mostStalls {
		return min(most, a.quiet())
	}
	return most
}

// pongTime is how long to wait for a pong: not long where the control got none.
func (a *attempt) pongTime(most time.Duration) time.Duration {
	if a.mute {
		return min(most, a.quiet())
	}
	return most
}
