package rules

import (
	"fmt"
	"slices"
)

// showFrameProbe shows how a server reacted to the frames of a probe.
func showFrameProbe(c *Case, res Result) Shown {
	t, r := c.probe.Frames, readReply(c)
	from := len(Ping)
	at := []Span{{FromClient, from, min(from+len(t.Sends), len(c.X.After.Client))}}
	switch t.Expects {
	case FramesFail, FramesMayFail:
		return showNotFailed(t, r, at)
	case FramesPass, FramesPong:
		return showNotPassed(res, t, r, at)
	case FramesClose:
		if r.closed {
			return says("Server answered %s with %s", at, t.What, codeText(r.code))
		} else if r.ended {
			return says("Server ended the connection without an answer to %s", at, t.What)
		}
		return says("Server did not answer %s", at, t.What)
	case FramesHangUp:
		return says("Server kept the connection open after both close frames", at)
	case FramesDiscard:
		if r.delivered {
			return says("Server answered a message that came after a close frame", at)
		}
		return says("Server neither answered a close frame nor ended the connection", at)
	}
	return says("Server did not close the connection at %s; whether it limits what it keeps of it is not known", at, t.What)
}

// showNotFailed shows a server that did not close the connection as it must.
func showNotFailed(t *FrameTest, r frameReply, at []Span) Shown {
	sent, closing := codeSent(t)
	switch {
	case r.delivered:
		return says("Server accepted %s and answered it", at, t.What)
	case r.closed && closing && r.code == sent:
		if sent == oneByte {
			return says("Server answered %s with another", at, t.What)
		}
		return says("Server answered %s with the same code", at, t.What)
	case r.closed:
		return says("Server closed the connection after %s with %s, not as a protocol error", at, t.What, codeText(r.code))
	case r.readOn(t):
		return says("Server read on after %s: it answered a later ping", at, t.What)
	}
	return says("Server neither closed the connection after %s nor answered a later ping", at, t.What)
}

// showNotPassed shows a server that did not read on as it must.
func showNotPassed(res Result, t *FrameTest, r frameReply, at []Span) Shown {
	switch {
	case r.closed && res.Verdict == Fail:
		return says("Server closed the connection at %s, which is valid, with %s", at, t.What, codeText(r.code))
	case r.closed:
		return says("Server closed the connection with %s after %s; the application may have a reason", at, codeText(r.code), t.What)
	case r.ended:
		return says("Server ended the connection after %s, which is valid", at, t.What)
	case t.Expects == FramesPong && slices.ContainsFunc(r.pongs, t.pings):
		return says("Server answered an earlier ping, and not the last one, of %s", at, t.What)
	case t.Expects == FramesPong && !slices.Contains(r.pongs, pingAfterSwitch) && len(r.pongs) > 0, len(r.pongs) > 1:
		return says("Server answered %s with another payload", at, t.What)
	case t.Expects == FramesPong:
		return says("Server did not answer %s", at, t.What)
	}
	return says("Server did not answer a ping after %s, which is valid", at, t.What)
}

// codeText names the code of a close frame.
func codeText(code int) string {
	switch code {
	case noCode:
		return "no code"
	case oneByte:
		return "one byte"
	}
	return fmt.Sprintf("code %d", code)
}
