package wire

import (
	"bytes"
	"math"
	"strconv"
	"time"

	"github.com/interlock-proxy/interlock/wire/h2"
	"github.com/interlock-proxy/interlock/wire/tlsrec"
	"github.com/interlock-proxy/interlock/wire/ws"
)

// terms returns what a handshake agreed on about frames.
func (x *Exchange) terms() (t ws.Terms) {
	for e := range x.Response.Elements("Sec-WebSocket-Extensions") {
		name, _, _ := bytes.Cut(x.Response.Text(e), []byte{';'})
		if EqualFold(bytes.TrimSpace(name), "permessage-deflate") {
			t.Deflate = true
		} else {
			t.Other = true
		}
	}
	return t
}

// contexts returns what a handshake agreed on about compressed messages (RFC 7692 §7.1), by [ws.Side].
func (x *Exchange) contexts() (c [2]ws.Context) {
	for e := range x.Response.Elements("Sec-WebSocket-Extensions") {
		name, parameters, _ := bytes.Cut(x.Response.Text(e), []byte{';'})
		if !EqualFold(bytes.TrimSpace(name), "permessage-deflate") {
			continue
		}
		for parameter := range bytes.SplitSeq(parameters, []byte{';'}) {
			name, value, _ := bytes.Cut(parameter, []byte{'='})
			name = bytes.TrimSpace(name)
			bits, _ := strconv.ParseUint(string(bytes.Trim(value, " \t\"")), 10, 4)
			for side, word := range [...]string{ws.Client: "client", ws.Server: "server"} {
				if EqualFold(name, word+"_no_context_takeover") {
					c[side].NoTakeover = true
				}
				if EqualFold(name, word+"_max_window_bits") {
					c[side].WindowBits = uint8(bits)
				}
			}
		}
		break
	}
	return c
}

// ReadFrames reads the first bytes after the 101 as frames, for exchanges whose tunnel was not read
// to its end. It returns nil if the tunnel is not WebSocket.
func (x *Exchange) ReadFrames() *ws.Facts {
	if !x.switchedTo("websocket") {
		return nil
	}
	return x.readFrames().Frames
}

// ReadHTTP2 is the same for HTTP/2.
func (x *Exchange) ReadHTTP2() *h2.Facts {
	if !x.switchedTo("h2c") {
		return nil
	}
	return x.readFrames().HTTP2
}

// ReadTLS is the same for TLS.
func (x *Exchange) ReadTLS() *tlsrec.Facts {
	if !x.switchedTo("tls") {
		return nil
	}
	return x.readFrames().TLS
}

func (x *Exchange) switchedTo(protocol string) bool {
	return x.Response != nil && x.Outcome == Switched && x.Protocol() == protocol
}

// readFrames returns the facts of the recorded bytes of a tunnel. The order of its directions is not
// known: the server's come first, as they say what the client may send.
func (x *Exchange) readFrames() *After {
	a := new(After)
	r := newTunnelReader(x, 0)
	r.feed(FromServer, x.After.Server, 0)
	r.feed(FromClient, x.After.Client, 0)
	r.tell(a)
	return a
}

// readsFrames reports whether the frames of a direction are read. The client's are not if it is unknown
// where they begin.
func (t *tunnel) readsFrames(d Direction) bool {
	return t.frames != nil && !(d == FromClient && t.lost) && t.frames.reads(d)
}

// read reads tunnel bytes as frames. It reports whether they have the first fault of the tunnel.
func (t *tunnel) read(d Direction, p []byte, now time.Time) (faulty bool) {
	if !t.readsFrames(d) {
		return false
	}
	t.frames.feed(d, p, now.Sub(t.time))
	faulty = !t.faulty && (t.frames.faulty(FromClient) || t.frames.faulty(FromServer))
	t.faulty = t.faulty || faulty
	return faulty
}

// skippable returns how many of the next bytes are payload that is neither recorded nor looked at.
func (t *tunnel) skippable(d Direction) int64 {
	if !t.started[d] || t.recording(d) || !t.readsFrames(d) {
		return 0
	}
	return t.frames.skippable(d)
}

// unread is skippable for a stream, of which other bytes are read all the same: it is everything once nothing is
// recorded or read any more.
func (t *tunnel) unread(d Direction) int64 {
	if t.started[d] && !t.recording(d) && !t.readsFrames(d) {
		return math.MaxInt64
	}
	return t.skippable(d)
}

// skip records that payload passed.
func (t *tunnel) skip(d Direction, n int64, now time.Time) {
	t.heard[d] = t.since(now)
	if t.readsFrames(d) {
		t.frames.skip(d, n, now.Sub(t.time))
	}
}

// closeWords fills in how a side said goodbye where only its frames tell: by a Close frame, GOAWAY, or an
// alert. Of two Close frames that came within a millisecond, the frames know which one was first.
func closeWords(x *Exchange) {
	for d := range [2]Direction{} {
		word := x.After.End.side(Direction(d))
		if last := x.After.lastWord(d); last.Kind != "" && (word.Kind == "" || word.Kind == WordBytes || word.Kind == last.Kind) {
			*word = last
		}
	}
	if e := x.After.End; e.First == "" && x.After.Frames != nil && e.Client.Kind == WordClose && e.Server.Kind == WordClose {
		e.First = x.After.Frames.ClosedFirst.String()
	}
}

// forgetWords forgets how the sides said goodbye as far as that rests on recorded bytes which are only the
// beginning of what the frames were read from.
func forgetWords(x *Exchange) {
	a := &x.After
	for d, recorded := range [2][]byte{a.Client, a.Server} {
		s := &a.Frames.Sides[d]
		if s.Read <= int64(len(recorded)) {
			continue
		}
		a.End.First = ""
		if *a.End.side(Direction(d)) = (Word{}); s.Cut {
			a.End.side(Direction(d)).Kind = WordCut
		}
	}
}

// lastWord returns what the frames of a side say of its end; its kind is empty if they say nothing.
func (a *After) lastWord(d int) (w Word) {
	switch {
	case a.Frames != nil:
		if c := a.Frames.Sides[d].Close; c != nil && c.DataAfter == 0 {
			return Word{Kind: WordClose, Code: c.Code, Reason: c.Reason}
		}
	case a.HTTP2 != nil:
		if g := a.HTTP2.Sides[d].GoAway; g != nil {
			return Word{Kind: WordGoAway, Code: int(g.Code)}
		}
	case a.TLS != nil:
		if alert := a.TLS.Sides[d].Alert; alert != nil && alert.Last {
			return Word{Kind: WordAlert}
		}
	}
	return w
}
