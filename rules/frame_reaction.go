package rules

import (
	"bytes"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/wire"
	"github.com/interlock-proxy/interlock/wire/ws"
)

// A frameReply is what a server did after the frames of a probe.
type frameReply struct {
	pongs     []string // the payloads of its pongs
	delivered bool     // it sent what a frame carried that it must not accept
	closed    bool     // it sent a close frame
	code      int      // of that; see codeOf
	ended     bool     // it ended the connection
}

// testsFrames reports whether the exchange is a probe of this rule that shows how a server reads
// frames.
func (c *Case) testsFrames(r *Rule) bool {
	return c.switched && c.probe != nil && c.probe.Frames != nil && c.probe.rule == r
}

// judgeFrameProbe judges how a server reacts to the frames of a probe.
func judgeFrameProbe(c *Case) Result {
	res := c.result(NotApplicable).by(Server)
	if !c.X.Complete || !framesSent(c) {
		return res
	}
	r := readReply(c)
	over := r.closed || r.ended
	switch t := c.probe.Frames; t.Expects {
	case FramesFail:
		return c.mustFail(res, r)
	case FramesMayFail:
		return c.mayFail(res, r)
	case FramesPass:
		return mustGoOn(res, r, r.readOn(t))
	case FramesPong:
		return mustGoOn(res, r, slices.Contains(r.pongs, t.LastPing()))
	case FramesClose:
		sent, _ := codeSent(t)
		switch {
		case r.closed && (r.code == sent || sent == noCode && r.code == 1000):
			return res.as(Pass)
		case r.closed:
			return res.as(Warn)
		}
		return res.as(Fail)
	case FramesHangUp:
		if r.closed && !r.ended {
			return res.as(Fail)
		} else if r.ended {
			return res.as(Pass)
		}
		return res // another probe shows that it answers no close frame
	case FramesDiscard:
		if r.delivered {
			return res.as(Fail)
		}
	}
	if over {
		return res.as(Pass)
	}
	return res.as(Unclear)
}

// mustFail judges a server that must close the connection.
func (c *Case) mustFail(res Result, r frameReply) Result {
	t := c.probe.Frames
	invalid := c.rule.ID == "UPGRADE-WS-CLOSE-BODY" && scanFrames(c, FromServer).fault(ws.FaultCloseBody, ws.FaultCloseCode) != nil
	switch {
	case r.delivered && c.rule.Severity.Worst > Info:
		return res.as(Fail).rated(c.rule.Severity.Worst)
	case r.delivered:
		return res.as(Fail)
	case invalid && unassigned(r.code), r.closed && r.normal(t):
		return res.as(Warn).rated(Low)
	case invalid:
		return res.as(Fail)
	case r.closed, r.ended:
		return res.as(Pass)
	case r.readOn(t):
		return res.as(Fail)
	}
	return res.as(Unclear)
}

// mayFail judges a server that reads frames as their sender must not write them.
func (c *Case) mayFail(res Result, r frameReply) Result {
	switch {
	case r.delivered, !r.closed && !r.ended && r.readOn(c.probe.Frames):
		return res.as(Warn).rated(Low)
	case r.closed, r.ended:
		return res.as(Pass)
	}
	return res.as(Unclear)
}

// mustGoOn judges a server that must answer a ping, and whether it has.
func mustGoOn(res Result, r frameReply, answered bool) Result {
	answers := len(r.pongs) > 0
	switch {
	case answered:
		return res.as(Pass)
	case r.closed && (r.code == 1002 || r.code == 1007 || r.code == 1009), r.ended && !r.closed && answers:
		return res.as(Fail)
	case r.closed, r.ended:
		return res.as(Unclear) // the application may have had a reason
	case answers:
		return res.as(Fail)
	}
	return res.as(Warn) // it answers no ping at all
}

// readOn reports whether the server answered [Later]: with its payload, or, if it answers with other
// payloads, with one more pong than there were pings before.
func (r *frameReply) readOn(t *FrameTest) bool {
	pings := 1
	for _, f := range t.frames() {
		if f.opcode() == opPing {
			pings++
		}
	}
	return slices.Contains(r.pongs, PingLater) || len(r.pongs) > pings
}

// normal reports whether the code of the close frame says that nothing was wrong, or not with the
// frames.
func (r *frameReply) normal(t *FrameTest) bool {
	return r.code == 1000 || r.code == 1001 || r.code == 1011 || r.code == noCode && t.Closes()
}

// framesSent reports whether the frames of the probe were sent: they follow [Ping].
func framesSent(c *Case) bool {
	b, sends := c.X.After.Client, c.probe.Frames.Sends
	return len(b) > len(Ping)+1 && string(b[len(Ping):len(Ping)+2]) == sends[:2]
}

// readReply reads what the server sent.
func readReply(c *Case) (r frameReply) {
	b := c.X.After.Server
	for f := range frames(b) {
		payload := string(f.payload(b))
		r.delivered = r.delivered || strings.Contains(payload, frameText)
		switch {
		case f.opcode() == opPong && !f.masked:
			r.pongs = append(r.pongs, payload)
		case f.opcode() == opClose && !r.closed:
			r.closed, r.code = true, codeOf(payload)
		}
	}
	r.ended = c.X.After.ServerClosed || c.X.Cause == wire.CauseServer || c.X.Cause == wire.CauseServerReset
	return r
}

// frames returns the frames of a test.
func (t *FrameTest) frames() []frame { return slices.Collect(frames([]byte(t.Sends))) }

// payload returns the payload of a frame of the test.
func (t *FrameTest) payload(f frame) string {
	b := bytes.Clone(f.payload([]byte(t.Sends)))
	for i := range b {
		b[i] ^= f.key[i%len(f.key)]
	}
	return string(b)
}

// LastPing returns the payload of the last ping among the frames.
func (t *FrameTest) LastPing() (payload string) {
	for _, f := range t.frames() {
		if f.opcode() == opPing {
			payload = t.payload(f)
		}
	}
	return payload
}

// pings reports whether there is a ping with that payload among the frames.
func (t *FrameTest) pings(payload string) bool {
	return slices.ContainsFunc(t.frames(), func(f frame) bool { return f.opcode() == opPing && t.payload(f) == payload })
}

// Closes reports whether there is a close frame among the frames.
func (t *FrameTest) Closes() bool {
	_, closing := codeSent(t)
	return closing
}

// codeSent returns the code of the first close frame, and whether there is such a frame.
func codeSent(t *FrameTest) (code int, closing bool) {
	for _, f := range t.frames() {
		if f.opcode() == opClose {
			return codeOf(t.payload(f)), true
		}
	}
	return noCode, false
}

// The codes of close frames without one.
const (
	noCode  = -1 // no payload
	oneByte = -2
)

// codeOf returns the code that the payload of a close frame begins with.
func codeOf(payload string) int {
	switch len(payload) {
	case 0:
		return noCode
	case 1:
		return oneByte
	}
	return int(payload[0])<<8 | int(payload[1])
}
