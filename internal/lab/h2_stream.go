package lab

import (
	"net/http"
	"strconv"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// An h2Stream is a stream that has not ended in both directions.
type h2Stream struct {
	id       uint32
	request  *http.Request // waits for the end of its content; nil: it was answered
	length   int64         // of the content, as announced; -1: it was not
	came     int64         // of the content
	tunnel   *h2Tunnel     // nil: it is none
	early    []byte        // what the client sent to a refused tunnel, for the far side
	pending  []byte        // waits for the client's windows
	ending   bool          // END_STREAM follows pending
	heEnded  bool          // the client has ended its direction
	iEnded   bool          // END_STREAM was sent
	received int64         // of the stream's window

	sendWindow int64
}

// data takes a DATA frame.
func (c *h2Conn) data(f *http2.DataFrame) {
	n := int64(f.Length)
	if c.received += n; c.received > h2Window {
		c.abort(http2.ErrCodeFlowControl)
		return
	}
	if c.received > h2Window/2 {
		_ = c.framer.WriteWindowUpdate(0, uint32(c.received))
		c.received = 0
	}
	s := c.streams[f.StreamID]
	switch {
	case s == nil && c.recent[f.StreamID] == h2EndedByReset:
		return
	case s == nil || s.heEnded:
		c.reset(f.StreamID, http2.ErrCodeStreamClosed)
		return
	}
	if s.received += n; s.received > h2Window {
		c.reset(s.id, http2.ErrCodeFlowControl)
		return
	}
	s.heEnded = f.StreamEnded()
	s.came += int64(len(f.Data()))
	switch {
	case s.tunnel != nil:
		c.carry(s, f.Data())
	case s.early != nil:
		c.readEarly(s, f.Data())
	case s.length >= 0 && (s.came > s.length || s.heEnded && s.came < s.length):
		c.reset(s.id, http2.ErrCodeProtocol)
		return
	case s.heEnded && s.request != nil:
		c.respond(s)
	}
	c.settle(s)
}

// settle opens the client's window again, unless much waits to be sent, and forgets a stream that
// has ended in both directions.
func (c *h2Conn) settle(s *h2Stream) {
	if c.streams[s.id] != s {
		return
	}
	if s.heEnded && s.iEnded {
		c.forget(s.id, h2EndedAlready)
		c.ended(s)
		return
	}
	if s.iEnded && s.tunnel == nil && s.early == nil {
		code := http2.ErrCodeNo // the answer is complete, and the rest of the request is not needed
		if c.manner.refusesLate {
			code = http2.ErrCodeRefusedStream
		}
		c.reset(s.id, code)
		return
	}
	if s.received > h2Window/2 && len(s.pending) < h2Pending && !s.heEnded {
		_ = c.framer.WriteWindowUpdate(s.id, uint32(s.received))
		s.received = 0
	}
}

// widen takes a WINDOW_UPDATE frame.
func (c *h2Conn) widen(f *http2.WindowUpdateFrame) {
	if f.StreamID == 0 {
		if c.sendWindow += int64(f.Increment); c.sendWindow > 1<<31-1 {
			c.abort(http2.ErrCodeFlowControl)
			return
		}
		c.flushAll()
	} else if s := c.streams[f.StreamID]; s != nil {
		if s.sendWindow += int64(f.Increment); s.sendWindow > 1<<31-1 {
			c.reset(s.id, http2.ErrCodeFlowControl)
			return
		}
		c.flush(s)
	}
}

// send queues bytes for a stream, and its end. It resets a stream whose client asks for much and
// reads nothing.
func (c *h2Conn) send(s *h2Stream, b []byte, end bool) {
	if s.ending || c.streams[s.id] != s {
		return
	}
	s.pending, s.ending = append(s.pending, b...), end
	if len(s.pending) > 16*h2Pending {
		c.reset(s.id, http2.ErrCodeEnhanceYourCalm)
		return
	}
	c.flush(s)
}

// flush sends what the windows allow.
func (c *h2Conn) flush(s *h2Stream) {
	for len(s.pending) > 0 {
		n := int(min(int64(len(s.pending)), h2Frame, s.sendWindow, c.sendWindow))
		if n <= 0 {
			return
		}
		s.sendWindow -= int64(n)
		c.sendWindow -= int64(n)
		s.iEnded = s.ending && n == len(s.pending)
		_ = c.framer.WriteData(s.id, s.iEnded, s.pending[:n])
		s.pending = s.pending[n:]
	}
	s.pending = nil
	if s.ending && !s.iEnded {
		s.iEnded = true
		_ = c.framer.WriteData(s.id, true, nil)
	}
	c.settle(s)
}

// answer sends the head of a response, and ends the stream if that is all.
func (c *h2Conn) answer(s *h2Stream, status int, fields [][2]string, end bool) {
	c.encoded.Reset()
	_ = c.encoder.WriteField(hpack.HeaderField{Name: ":status", Value: strconv.Itoa(status)})
	for _, f := range fields {
		_ = c.encoder.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]})
	}
	_ = c.framer.WriteHeaders(http2.HeadersFrameParam{
		StreamID: s.id, BlockFragment: c.encoded.Bytes(), EndHeaders: true, EndStream: end,
	})
	if end {
		s.ending, s.iEnded = true, true
	}
}

// ended is called when a stream has ended.
func (c *h2Conn) ended(s *h2Stream) {
	if s.tunnel != nil && c.manner.endsAll {
		c.abort(http2.ErrCodeNo)
	}
}
