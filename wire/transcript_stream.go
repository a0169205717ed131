package wire

import (
	"bytes"
	"encoding/json"
	"slices"
	"time"
)

// stream returns what the transcript says of a stream of HTTP/2; nil if it is not of one. Its bytes are
// heads as text, each up to its empty line, and then the content of DATA frames.
func (t *Transcript) stream() (what *Stream) {
	var on *Connection
	for _, m := range t.Meta {
		switch m.Key {
		case streamKey:
			if read := new(Stream); json.Unmarshal([]byte(m.Value), read) == nil {
				what = read
			}
		case connectKey:
			if read := new(Connection); json.Unmarshal([]byte(m.Value), read) == nil {
				on = read
			}
		}
	}
	if what != nil && on != nil {
		what.Connection = on
	}
	return what
}

// playStream plays the transcript of a stream.
func (t *Transcript) playStream(common Common, what Stream) {
	p := streamPlayer{common: &common, what: what, now: time.Unix(0, 0).UTC()}
	if what.Connection != nil {
		p.on = &connection{shown: what.Connection}
	}
	for _, chunk := range t.Chunks {
		p.now = p.now.Add(time.Millisecond)
		if !chunk.Far {
			p.play(chunk.From, chunk.Bytes)
		}
		if chunk.Idle > 0 {
			p.now = p.now.Add(chunk.Idle)
			p.tick()
		}
	}
	p.finish(t.End)
}

// A streamPlayer plays one stream.
type streamPlayer struct {
	common *Common
	what   Stream
	on     *connection
	now    time.Time
	heads  [2][]byte // by Direction: of a head that is not complete
	s      *stream   // nil before the request
}

// play takes bytes of one side.
func (p *streamPlayer) play(d Direction, b []byte) {
	for len(b) > 0 {
		if p.s != nil && (d == FromClient || !p.s.awaitsHead()) {
			p.s.data(d, b, p.now)
			return
		}
		before := len(p.heads[d])
		whole := slices.Concat(p.heads[d], b)
		end := bytes.Index(whole, []byte("\r\n\r\n"))
		if end < 0 {
			p.heads[d] = whole
			return
		}
		end += len("\r\n\r\n")
		p.heads[d] = nil
		b = b[end-before:]
		p.head(d, bytes.Clone(whole[:end]))
	}
}

func (p *streamPlayer) head(d Direction, raw []byte) {
	switch {
	case p.s != nil:
		p.s.respond(raw, true, p.what.Server.AtHead, p.now)
	case d == FromClient:
		p.s = newStream(p.common, p.on, Stream{
			ID: p.what.ID, Offered: p.what.Offered, Killed: p.what.Killed,
			Client: StreamSide{Secret: p.what.Client.Secret}, Server: StreamSide{Secret: p.what.Server.Secret},
		}, raw, true, p.now)
		if p.what.Client.AtHead {
			p.s.end(FromClient, true, p.now)
		}
	}
}

// tick reports what is due.
func (p *streamPlayer) tick() {
	if p.s != nil {
		p.s.tick(p.now)
	}
}

// finish ends the stream as the transcript says.
func (p *streamPlayer) finish(end string) {
	s, now := p.s, p.now
	if s == nil {
		return
	}
	if end == "silent" {
		p.now = now.Add(SilentAfter)
		p.tick()
	}
	s.change(func(k *Stream) {
		k.Client.Heads, k.Server.Heads, k.Server.Hangs = p.what.Client.Heads, p.what.Server.Heads, p.what.Server.Hangs
		k.Client.Late = p.what.Client.Late
	})
	first, second := FromClient, FromServer
	if end == "closed" {
		first, second = second, first
	}
	for _, d := range [...]Direction{first, second} {
		switch side := p.what.side(d); side.End {
		case StreamReset:
			if side.Ended {
				s.end(d, side.AtHead, now)
			}
			s.reset(d, side.Code, now)
		case StreamAway:
			s.goneAway(now)
		case StreamEnded:
			s.end(d, side.AtHead, now)
		}
	}
	cause := map[string]Cause{"reset": CauseServerReset, "lost": CauseServerReset, "closed": CauseServer,
		"client reset": CauseClientReset, "client lost": CauseClientReset, "stopped": CauseDrain}[end]
	if cause == "" {
		cause = CauseClient
	}
	s.conclude(cause, now)
}
