package rules

import (
	"fmt"
	"time"

	"github.com/interlock-proxy/interlock/wire"
	"github.com/interlock-proxy/interlock/wire/ws"
)

var _ = register(Rule{
	ID: "UPGRADE-WS-CLOSE-BODY", Level: Must, Party: Server,
	Severity: Severities{Refused: Medium, Switched: Medium}, Since: "0.1",
	Versions: AnyVersion,
	Title:    "A client or server sends close frames with a code that may be sent, or with no payload",
	Problem: Problems{
		Switched: "%s sent an invalid close frame: %s",
	},
	Label: "Invalid close frame",
	Refs: []Ref{
		{"6455", "5.5.1", "the payload of a close frame is empty, or begins with a code of two bytes"},
		{"6455", "7.4.1", "1005, 1006 and 1015 are never in a close frame"},
		{"6455", "7.4.2", "codes below 1000 are not used; those from 1000 to 2999 are for the protocol and those from 3000 to 4999 for frameworks and applications"},
	},
	Why: `The peer cannot read why the connection ends. Libraries that check treat it as a
protocol error and report 1002 or 1006 instead, so a normal end is logged as a failure, and
clients reconnect when they were told not to. A proxy or a framework that passes on the code that
its own API reports, such as 1006 for a broken connection or 1005 for none, sends what only exists
inside an API.`,
	Fix: `Send 1000 for a normal end, 1001 when the server goes away, and 3000 to 4999 for
	reasons of the application. Where a library reports 1005 or 1006, send no code.`,
	needs: needsSwitch | needsBytes,
	When:  func(c *Case) bool { return framed13(c) && closes(c) },
	Judge: func(c *Case) Result {
		from, fault := firstFault(c, ws.FaultCloseBody, ws.FaultCloseCode)
		switch {
		case fault == nil:
			return c.result(Pass)
		case fault.Kind == ws.FaultCloseCode && unassigned(closeFrame(c, from).Code):
			return c.result(Warn).by(partyOf(from)).rated(Low)
		}
		return c.result(Fail).by(partyOf(from))
	},
	Show: func(c *Case, _ Result) Shown {
		from, fault := firstFault(c, ws.FaultCloseBody, ws.FaultCloseCode)
		at := frameSpan(c, from, fault)
		code := closeFrame(c, from).Code
		switch {
		case fault.Kind == ws.FaultCloseBody:
			return seen(at, subjectOf(from), "its payload is one byte; a code has two")
		case unassigned(code):
			return says("%s sent the close code %s, which is not assigned", at, subjectOf(from), fmt.Sprint(code))
		}
		return seen(at, subjectOf(from), fmt.Sprintf("the code %d must not be sent", code))
	},
	Probes: []Probe{
		frameProbe("CLOSE-BYTE", "a close frame of one byte", FramesFail, frame13(frameFin|opClose, "\x03")),
		frameProbe("CLOSE-0", "a close frame with code 0", FramesFail, closeWith(0, "")),
		frameProbe("CLOSE-999", "a close frame with code 999", FramesFail, closeWith(999, "")),
		frameProbe("CLOSE-1005", "a close frame with code 1005", FramesFail, closeWith(1005, "")),
		frameProbe("CLOSE-1006", "a close frame with code 1006", FramesFail, closeWith(1006, "")),
		frameProbe("CLOSE-1015", "a close frame with code 1015", FramesFail, closeWith(1015, "")),
		frameProbe("CLOSE-2999", "a close frame with code 2999", FramesFail, closeWith(2999, "")),
		frameProbe("CLOSE-5000", "a close frame with code 5000", FramesFail, closeWith(5000, "")),
	},
})

var _ = register(Rule{
	ID: "UPGRADE-WS-AFTER-CLOSE", Level: Must, Party: Server,
	Severity: Severities{Refused: Medium, Switched: Medium}, Since: "0.1",
	Versions: AnyVersion,
	Title:    "A client or server sends no data frame after its close frame",
	Problem: Problems{
		Switched: "%s sent a data frame after its close frame: frame %s",
	},
	Label: "Data after close",
	Refs: []Ref{
		{"6455", "5.5.1", "after a close frame an endpoint sends no more data frames"},
	},
	Why: `The other side has stopped to read, or discards what comes: the messages are lost,
and no one is told. Often two parts of a program write to the same connection, and one of them
does not know that the other has closed it.`,
	Fix: `Send the close frame from the goroutine, task or queue that writes all messages, and
	reject further writes in the application.`,
	needs: needsSwitch | needsBytes,
	When:  func(c *Case) bool { return framed13(c) && closes(c) },
	Judge: func(c *Case) Result {
		if from, fault := firstFault(c, ws.FaultAfterClose); fault != nil {
			return c.result(Fail).by(partyOf(from))
		}
		return c.result(Pass)
	},
	Show: func(c *Case, _ Result) Shown {
		from, fault := firstFault(c, ws.FaultAfterClose)
		return seen(frameSpan(c, from, fault), subjectOf(from), frameName(fault))
	},
	Probes: []Probe{
		frameProbe("AFTER-CLOSE", "a message after a close frame", FramesDiscard, closeWith(1000, ""), frame13(frameFin|opText, frameText)),
	},
})

// closeWait is how long a side may take to answer a close frame, and a server to end the connection
// after both of them.
const closeWait = 10 * time.Second

var _ = register(Rule{
	ID: "UPGRADE-WS-CLOSE-UNANSWERED", Level: Must, Party: Server,
	Severity: Severities{Refused: Low, Switched: Low}, Since: "0.1",
	Versions: AnyVersion,
	Title:    "A client or server answers a close frame with one of its own",
	Problem: Problems{
		Switched: "%s ended the connection without an answer to the close frame (%s)",
	},
	Label: "Close frame not answered",
	Refs: []Ref{
		{"6455", "5.5.1", "an endpoint that receives a close frame and has sent none answers with one, as soon as it can"},
		{"6455", "7.1.5", "a connection that ends without a close frame from the peer has the code 1006 for the application"},
	},
	Why: `The side that closed in good order is told that the connection broke (1006): clients
log an error, show it to their users or reconnect. It also cannot know whether its last messages
were read.`,
	Fix: `Let the library answer the close frame, and end the TCP connection afterwards. Do not
	call terminate, destroy or close on the socket in the handler of the close event.`,
	needs: needsSwitch | needsBytes,
	When:  func(c *Case) bool { return framed13(c) && closes(c) && endedByPeers(c) },
	Judge: func(c *Case) Result {
		from, waited, answered := unansweredClose(c)
		switch {
		case answered:
			return c.result(Pass)
		case endedBy(c, peerOf(from)), waited >= closeWait:
			return c.result(Fail).by(partyOf(peerOf(from)))
		}
		return c.result(NotApplicable) // it had no time to
	},
	Show: func(c *Case, _ Result) Shown {
		from, waited, _ := unansweredClose(c)
		by, code := subjectOf(peerOf(from)), closeText(closeFrame(c, from))
		if !endedBy(c, peerOf(from)) {
			return says("%s did not answer the close frame (%s) for %s", nil, by, code, waited.Round(time.Second).String())
		}
		return seen(nil, by, code)
	},
	Probes: []Probe{
		frameProbe("CLOSE", "a close frame with code 1000", FramesClose, closeWith(1000, "")),
		frameProbe("CLOSE-3000", "a close frame with code 3000 and a reason", FramesClose, closeWith(3000, "done")),
		frameProbe("CLOSE-EMPTY", "a close frame without a code", FramesClose, frame13(frameFin|opClose, "")),
	},
})

var _ = register(Rule{
	ID: "UPGRADE-WS-CLOSE-HANG", Level: Should, Party: Server,
	Severity: Severities{Refused: Low, Switched: Low}, Since: "0.1",
	Versions: AnyVersion,
	Title:    "A server ends the connection after the close frames of both sides",
	Problem: Problems{
		Switched: "Server kept the connection open for %s after both close frames",
	},
	Label: "Connection open after close",
	Refs: []Ref{
		{"6455", "7.1.1", "after both close frames the server closes the TCP connection first, so that it, and not the client, holds the TIME_WAIT state"},
	},
	Why: `Clients wait for the end, and browsers report the close event only then. Each such
connection keeps its memory and a descriptor in the server and in every proxy on the path, until
a timeout of one of them ends it.`,
	Fix: `End the TCP connection as soon as both close frames were sent. If a proxy in between
	keeps it open, let it pass on the end of the server's side.`,
	needs: needsSwitch | needsBytes,
	When: func(c *Case) bool {
		f := framesOf(c)
		return framed13(c) && f.Sides[ws.Client].Close != nil && f.Sides[ws.Server].Close != nil && endedByPeers(c)
	},
	Judge: func(c *Case) Result { return c.passIf(openAfterClose(c) < closeWait) },
	Show: func(c *Case, _ Result) Shown {
		return seen(nil, openAfterClose(c).Round(time.Second).String())
	},
	Probes: []Probe{
		frameProbe("CLOSE-TCP", "a close frame, and then nothing", FramesHangUp, closeWith(1000, "")),
	},
})

// closes reports whether either side has sent a close frame.
func closes(c *Case) bool {
	f := framesOf(c)
	return f.Sides[ws.Client].Close != nil || f.Sides[ws.Server].Close != nil
}

// firstFault returns the first fault of one of these kinds of a side that is not Interlock, and that
// side. Of two sides, it is the one that closed first, because the other may have answered it in kind.
func firstFault(c *Case, kinds ...ws.FaultKind) (from Part, fault *ws.Fault) {
	order := [...]Part{FromServer, FromClient}
	if framesOf(c).ClosedFirst == ws.Client {
		order = [...]Part{FromClient, FromServer}
	}
	for _, from := range order {
		if fault := scanFrames(c, from).fault(kinds...); fault != nil && !(from == FromClient && c.probed()) {
			return from, fault
		}
	}
	return FromServer, nil
}

// unassigned reports whether a close code has no meaning, and no RFC forbids it.
func unassigned(code int) bool { return code == 1004 || code >= 1016 && code <= 2999 || code >= 5000 }

// peerOf returns the other direction.
func peerOf(from Part) Part {
	if from == FromServer {
		return FromClient
	}
	return FromServer
}

// endedByPeers reports whether the tunnel is over, and how long each part of it took is known.
func endedByPeers(c *Case) bool {
	a := &c.X.After
	return a.Ended && a.End != nil && !a.End.Lost && !c.probed() && len(c.X.Lossy) == 0
}

// endedBy reports whether that side ended the connection.
func endedBy(c *Case, from Part) bool {
	if from == FromServer {
		return c.X.Cause == wire.CauseServer || c.X.Cause == wire.CauseServerReset
	}
	return c.X.Cause == wire.CauseClient || c.X.Cause == wire.CauseClientReset
}

// unansweredClose returns the side whose close frame came first, how long the connection was open
// after it, and whether the other side answered or cannot be read.
func unansweredClose(c *Case) (from Part, waited time.Duration, answered bool) {
	f := framesOf(c)
	if from = FromServer; f.ClosedFirst == ws.Client && f.Sides[ws.Client].Close != nil || f.Sides[ws.Server].Close == nil {
		from = FromClient
	}
	peer := &f.Sides[sideOf(peerOf(from))]
	return from, c.X.After.End.Open - closeFrame(c, from).At, peer.Close != nil || peer.Lost
}

// openAfterClose returns how long the connection was open after the second close frame.
func openAfterClose(c *Case) time.Duration {
	f := framesOf(c)
	return c.X.After.End.Open - max(f.Sides[ws.Client].Close.At, f.Sides[ws.Server].Close.At)
}

// closeFrame returns the close frame of a side, which is empty if it sent none.
func closeFrame(c *Case, from Part) ws.Closing {
	if found := scanFrames(c, from).Close; found != nil {
		return *found
	}
	return ws.Closing{Code: ws.NoCode}
}

// closeText describes a close frame.
func closeText(c ws.Closing) string {
	switch {
	case c.Code == ws.NoCode:
		return "without a code"
	case c.Reason == "":
		return fmt.Sprint(c.Code)
	}
	return fmt.Sprintf("%d %s", c.Code, quote(PublicReason(c.Reason)))
}
