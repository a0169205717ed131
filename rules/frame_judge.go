package rules

import (
	"bytes"
	"fmt"

	"github.com/interlock-proxy/interlock/wire"
	"github.com/interlock-proxy/interlock/wire/ws"
)

// judgeFrames judges a rule about the frames of either side, and names the side at fault. The
// result is unclear if an unknown extension may allow the frame.
func judgeFrames(c *Case, kinds ...ws.FaultKind) Result {
	verdict := NotApplicable
	for _, from := range [...]Part{FromServer, FromClient} {
		s := scanFrames(c, from)
		fault := s.fault(kinds...)
		switch {
		case fault != nil && from == FromClient && c.brings(c.rule.ID):
			return judgeReaction(c, fault)
		case fault != nil:
			if _, other := acceptedExtensions(c); other && (fault.Kind == ws.FaultReserved || fault.Kind == ws.FaultOpcode) {
				return c.result(Unclear).by(partyOf(from))
			}
			return c.result(Fail).by(partyOf(from))
		case s.count > 0:
			verdict = Pass
		}
	}
	return c.result(verdict)
}

// judgeReaction judges how the server reacts to a frame of a probe that it must not accept.
func judgeReaction(c *Case, fault *ws.Fault) Result {
	switch {
	case c.X.After.ServerClosed, c.X.Cause == wire.CauseServer, c.X.Cause == wire.CauseServerReset, serverCloses(c):
		return c.result(Pass).by(Server)
	case echoed(c, fault):
		return c.result(Fail).by(Server)
	}
	return c.result(Unclear).by(Server)
}

// echoed reports whether the server sent a message with the payload of that frame of the client.
func echoed(c *Case, fault *ws.Fault) bool {
	f, ok := faultyFrame(c, fault)
	if !ok || !f.whole(c.X.After.Client) || f.length == 0 {
		return false
	}
	payload := bytes.Clone(f.payload(c.X.After.Client))
	for i := range payload {
		payload[i] ^= f.key[i%len(f.key)]
	}
	for g := range frames(c.X.After.Server) {
		if g.opcode() <= opBinary && g.whole(c.X.After.Server) && bytes.Equal(g.payload(c.X.After.Server), payload) {
			return true
		}
	}
	return false
}

func partyOf(from Part) Party {
	if from == FromServer {
		return Server
	}
	return Client
}

// showFrame shows what is wrong with the frame that was judged.
func showFrame(c *Case, r Result, what func(*ws.Fault) string, kinds ...ws.FaultKind) Shown {
	from := FromServer
	if r.Party == Client {
		from = FromClient
	}
	fault := scanFrames(c, from).fault(kinds...)
	if fault == nil { // the server is at fault for its reaction to a probe
		fault = scanFrames(c, FromClient).fault(kinds...)
		at := frameSpan(c, FromClient, fault)
		if r.Verdict == Unclear {
			return says("Server neither answered an invalid frame nor closed the connection; the frame %s", at, what(fault))
		}
		return says("Server answered an invalid frame, which %s", at, what(fault))
	}
	said := what(fault)
	if from == FromClient {
		said += closedFor(c)
	}
	return seen(frameSpan(c, from, fault), subjectOf(from), frameName(fault), said)
}

// closedFor says that the server closed the connection because of a fault of the client, with the code of
// its Close frame (RFC 6455 §7.4.1); empty if it did not.
func closedFor(c *Case) string {
	switch closing := framesOf(c).Sides[ws.Server].Close; {
	case closing == nil:
		return ""
	case closing.Code == 1002, closing.Code == 1003, closing.Code >= 1007 && closing.Code <= 1010:
		return fmt.Sprintf("; the server closed the connection with %d", closing.Code)
	}
	return ""
}

// frameName names a frame by its number and its type.
func frameName(f *ws.Fault) string {
	return fmt.Sprintf("%d (%s)", f.Frame, frame{first: f.First}.name())
}

// subjectOf names one side at the beginning of a sentence.
func subjectOf(from Part) string {
	if from == FromServer {
		return "Server"
	}
	return "Client"
}

// name returns the type of the frame in a word.
func (f frame) name() string {
	switch f.opcode() {
	case opContinuation:
		return "continuation"
	case opText:
		return "text"
	case opBinary:
		return "binary"
	case opClose:
		return "close"
	case opPing:
		return "ping"
	case opPong:
		return "pong"
	}
	return fmt.Sprintf("opcode %#x", f.opcode())
}
