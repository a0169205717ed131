package wire

import (
	"bytes"
	"encoding/json"
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

// framesKey is the line of a transcript that has the facts of frames. It is there if the transcript
// does not have all bytes of the tunnel.
const framesKey = "frames"

// FramesMeta returns the line of a transcript with the facts of the exchange's frames, if its
// recorded bytes are not all of them.
func (x *Exchange) FramesMeta() []Meta {
	a := &x.After
	if a.Frames == nil || int64(len(a.Client)) >= a.ClientBytes && int64(len(a.Server)) >= a.ServerBytes {
		return nil
	}
	text, err := json.Marshal(a.Frames)
	if err != nil {
		return nil // a Facts can always be written
	}
	return []Meta{{framesKey, string(text)}}
}

// giveFrames gives the exchange with the tunnel, which is the last one, the facts that the transcript
// has. A line that cannot be read is of another release.
func (t *Transcript) giveFrames(found []*Exchange) {
	for _, m := range t.Meta {
		var f ws.Facts
		if m.Key != framesKey || len(found) == 0 || json.Unmarshal([]byte(m.Value), &f) != nil {
			continue
		}
		if x := found[len(found)-1]; x.After.Frames != nil {
			copied := *x
			copied.After.Frames = &f
			if e := copied.After.End; e != nil {
				end := *e
				copied.After.End = &end
				closeWords(&copied)
			}
			found[len(found)-1] = &copied
		}
	}
}

// withoutBlanked returns the exchange of a transcript without what its payload says, if that is
// blanked out: the asterisks are masked like any payload, and no text, close code or answer to a ping.
func withoutBlanked(x *Exchange) *Exchange {
	if x.After.Frames == nil || !ws.Blanked([2][]byte{x.After.Client, x.After.Server}) {
		return x
	}
	copied := *x
	copied.After.Frames = x.After.Frames.WithoutPayload()
	if x.After.End != nil {
		end := *x.After.End
		for _, word := range [...]*Word{&end.Client, &end.Server} {
			if word.Kind == WordClose {
				*word = Word{}
			}
		}
		copied.After.End = &end
	}
	return &copied
}
