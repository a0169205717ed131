package rules

import (
	"fmt"
	"strings"
	"time"

	"github.com/interlock-proxy/interlock/wire/ws"
)

var _ = register(Rule{
	ID: "UPGRADE-WS-UTF8", Level: Must, Party: Server,
	Severity: Severities{Refused: Medium, Switched: Medium}, Since: "0.1",
	Versions: AnyVersion,
	Title:    "A client or server sends text messages and close reasons in UTF-8",
	Problem: Problems{
		Switched: "%s sent text that is not UTF-8: frame %s",
	},
	Label: "Text is not UTF-8",
	Refs: []Ref{
		{"6455", "5.6", "the payload of a text message is UTF-8"},
		{"6455", "8.1", "an endpoint that reads text that is not UTF-8 fails the connection"},
		{"6455", "5.5.1", "the reason in a close frame is UTF-8"},
	},
	Why: `Browsers and strict libraries end the connection with 1007, in the middle of a
session and only for the messages of some users. Others replace or drop bytes, so that two readers
see different text, and a filter checks another message than the application gets. The usual cause
is text that is cut at a number of bytes, or binary data that is sent as text.`,
	Fix: `Send bytes that are not text as binary messages, cut text between characters, and
	limit the reason of a close frame to 123 bytes at the end of a character.`,
	needs: needsSwitch | needsBytes,
	When: func(c *Case) bool {
		f := framesOf(c)
		return framed13(c) && (f.Sides[ws.Client].Frames[ws.Text].Frames+f.Sides[ws.Server].Frames[ws.Text].Frames > 0 || closes(c))
	},
	Judge: func(c *Case) Result {
		if from, fault := firstFault(c, ws.FaultText, ws.FaultCloseReason); fault != nil {
			return c.result(Fail).by(partyOf(from))
		}
		for _, s := range framesOf(c).Sides {
			if s.Frames[ws.Text].Frames > s.Unchecked || s.Close != nil && (s.Close.Reason != "" || s.Close.Size <= ws.CodeSize) {
				return c.result(Pass)
			}
		}
		return c.result(NotApplicable)
	},
	Show: func(c *Case, _ Result) Shown {
		from, fault := firstFault(c, ws.FaultText, ws.FaultCloseReason)
		if fault.Kind == ws.FaultCloseReason {
			return says("%s sent a close frame with a reason that is not UTF-8: frame %s", frameSpan(c, from, fault), subjectOf(from), frameName(fault))
		}
		return seen(frameSpan(c, from, fault), subjectOf(from), frameName(fault))
	},
	Probes: []Probe{
		frameProbe("UTF8", "text that is not UTF-8", FramesFail, frame13(frameFin|opText, frameText+"\xc3(")).wants("1007"),
		frameProbe("UTF8-CUT", "text that ends within a character", FramesFail, frame13(opText, "a"), frame13(frameFin|opContinuation, frameText+"\xe2\x82")).wants("1007"),
		frameProbe("UTF8-CLOSE", "a close reason that is not UTF-8", FramesFail, closeWith(1000, frameText+"\xc3(")).wants("1007"),
		frameProbe("UTF8-FRAGMENTS", "text whose fragments divide a character", FramesPass, frame13(opText, "\xe2\x82"), frame13(frameFin|opContinuation, "\xac")),
	},
})

// pongWait is how long a side may take to answer a ping, while it sends other frames.
const pongWait = 30 * time.Second

var _ = register(Rule{
	ID: "UPGRADE-WS-PONG", Level: Must, Party: Server,
	Severity: Severities{Refused: Low, Switched: Low}, Since: "0.1",
	Versions: AnyVersion,
	Title:    "A client or server answers a ping with a pong that has the same payload",
	Problem: Problems{
		Switched: "%s did not answer a ping: %s",
	},
	Label: "Ping not answered",
	Refs: []Ref{
		{"6455", "5.5.2", "an endpoint answers a ping with a pong, as soon as it can"},
		{"6455", "5.5.3", "the pong has the payload of the ping; of several pings, the last one may be answered alone"},
	},
	Why: `Pings show whether the peer is alive. A side that does not answer, or answers with
other data, is taken for dead: the other side ends a connection that works, after a minute or two
and again after each reconnection. Round trips cannot be measured either.`,
	Fix: `Let the library answer pings. Where it leaves that to the application, send a pong
	with the payload that was received, also while a long message is being sent or handled.`,
	needs: needsSwitch | needsBytes,
	When: func(c *Case) bool {
		f := framesOf(c)
		return framed13(c) && !c.probed() && f.Sides[ws.Client].Frames[ws.Ping].Frames+f.Sides[ws.Server].Frames[ws.Ping].Frames > 0
	},
	Judge: func(c *Case) Result {
		verdict := NotApplicable
		for _, from := range [...]Part{FromClient, FromServer} {
			switch p := scanFrames(c, from).Pings; {
			case missingPongs(c, from) != "":
				return c.result(Fail).by(partyOf(peerOf(from)))
			case p.Answered > 0:
				verdict = Pass
			}
		}
		return c.result(verdict)
	},
	Show: func(c *Case, r Result) Shown {
		by := FromServer
		if r.Party == Client {
			by = FromClient
		}
		return seen(nil, subjectOf(by), missingPongs(c, peerOf(by)))
	},
	Probes: []Probe{
		frameProbe("PING-MASK-0", "a ping with a masking key of zeros", FramesPong, "\x89\x84\x00\x00\x00\x00zero"),
		frameProbe("PING-125", "a ping of 125 bytes", FramesPong, frame13(frameFin|opPing, strings.Repeat("0123456789", 13)[:125])),
		frameProbe("PING-MANY", "ten pings in a row", FramesPong, manyPings()),
		frameProbe("PING-BETWEEN", "a ping between two fragments", FramesPong, frame13(opText, "a"), frame13(frameFin|opPing, "between"), frame13(frameFin|opContinuation, "b")),
		frameProbe("PONG", "a pong that answers no ping", FramesPass, frame13(frameFin|opPong, "unasked")),
	},
})

// missingPongs says how the pings of one side were not answered; empty if they were, or if that is
// not known.
func missingPongs(c *Case, from Part) string {
	s, peer := scanFrames(c, from), scanFrames(c, peerOf(from))
	p := s.Pings
	switch {
	case p.Waiting == 0 || peer.Lost || peer.Close != nil || s.Close != nil:
		return ""
	case p.Answered == 0 && peer.ForeignPongs > 0:
		return "its pongs have another payload"
	}
	if e := c.X.After.End; c.X.After.Ended && e != nil && p.Passed > 0 && e.Open-p.Since >= pongWait {
		return fmt.Sprintf("no pong came in %s, only %s", (e.Open - p.Since).Round(time.Second), counted(p.Passed, "other frame"))
	}
	return ""
}

// counted is a number and a noun.
func counted(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// tooLarge is a size of messages that no server needs, in bytes.
const tooLarge = 1 << 30

var _ = register(Rule{
	ID: "UPGRADE-WS-MESSAGE-LIMIT", Level: Advice, Party: Server,
	Severity: Severities{Refused: Medium, Switched: Medium}, Since: "0.1",
	Versions: AnyVersion,
	Title:    "A server limits the size of messages",
	Problem: Problems{
		Switched: "Server read %s of one message without closing the connection",
	},
	Label: "No message limit",
	Refs: []Ref{
		{"6455", "10.4", "implementations protect themselves against frames and messages that exceed the limits of their platform"},
		{"6455", "7.4.1", "1009 says that a message is too big to process"},
	},
	Why: `Most libraries keep a message in memory until it is complete. Without a limit, a few
clients that send one endless message each take all of the server's memory.`,
	Fix: `Set a limit close to the largest message that clients send: ws maxPayload,
	gorilla/websocket SetReadLimit, coder/websocket SetReadLimit, Python websockets max_size,
	aiohttp max_msg_size, Tomcat maxTextMessageBufferSize and maxBinaryMessageBufferSize.`,
	needs: needsSwitch | needsBytes,
	When:  func(c *Case) bool { return framed13(c) && scanFrames(c, FromClient).LargestMessage >= tooLarge },
	Judge: func(c *Case) Result {
		s := scanFrames(c, FromClient)
		switch {
		case serverCloses(c), framesOf(c).Sides[ws.Server].Close != nil, c.X.After.ServerClosed, endedBy(c, FromServer):
			return c.result(Pass)
		case s.All().Bytes >= tooLarge:
			return c.result(Fail)
		}
		return c.result(NotApplicable) // not so much has come
	},
	Show: func(c *Case, _ Result) Shown {
		return seen(nil, fmt.Sprintf("%d GiB", min(uint64(scanFrames(c, FromClient).All().Bytes), scanFrames(c, FromClient).LargestMessage)>>30))
	},
	Probes: []Probe{
		frameProbe("LENGTH-1G", "a frame of 1 GiB announced", FramesTooLarge, hugeFrame(frameFin|opBinary, 1<<30, "x")),
	},
})
