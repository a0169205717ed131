package wire

import (
	"bytes"
	"time"

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

// ReadFrames reads the first bytes after the 101 as frames, for exchanges whose tunnel was not read
// to its end. It returns nil if the tunnel is not WebSocket.
func (x *Exchange) ReadFrames() *ws.Facts {
	if x.Response == nil || x.Outcome != Switched || x.Protocol() != "websocket" {
		return nil
	}
	r := ws.NewReader(x.terms(), 0)
	r.Feed(ws.Client, x.After.Client, 0)
	r.Feed(ws.Server, x.After.Server, 0)
	return r.Facts()
}

// reads reports whether the frames of a direction are read. The client's are not if it is unknown
// where they begin.
func (t *tunnel) reads(d Direction) bool {
	return t.frames != nil && !(d == FromClient && t.lost) && t.frames.Reads(ws.Side(d))
}

// read reads tunnel bytes as frames. It reports whether they have the first fault of the tunnel.
func (t *tunnel) read(d Direction, p []byte, now time.Time) (faulty bool) {
	if !t.reads(d) {
		return false
	}
	t.frames.Feed(ws.Side(d), p, now.Sub(t.time))
	faulty = !t.faulty && t.frames.Faulty(ws.Side(d))
	t.faulty = t.faulty || faulty
	return faulty
}

// skippable returns how many of the next bytes are payload that is neither recorded nor looked at.
func (t *tunnel) skippable(d Direction) int64 {
	if !t.started[d] || t.recording(d) || !t.reads(d) {
		return 0
	}
	return t.frames.Skippable(ws.Side(d))
}

// skip records that payload passed.
func (t *tunnel) skip(d Direction, n int64, now time.Time) {
	t.heard[d] = t.since(now)
	t.frames.Skip(ws.Side(d), n, now.Sub(t.time))
}

// closeWords fills in what a side sent last where only its frames tell: a Close frame.
func closeWords(x *Exchange) {
	if x.After.Frames == nil {
		return
	}
	for d := range x.After.Frames.Sides {
		word, c := x.After.End.side(Direction(d)), x.After.Frames.Sides[d].Close
		if (word.Kind == "" || word.Kind == WordBytes) && c != nil && c.DataAfter == 0 {
			*word = Word{Kind: WordClose, Code: c.Code, Reason: c.Reason}
		}
	}
}
