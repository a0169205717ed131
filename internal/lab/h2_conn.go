package lab

import (
	"bytes"
	"encoding/binary"
	"errors"
	"maps"
	"slices"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// The limits of an HTTP/2 connection.
const (
	h2Frame     = 16 << 10 // payload of a frame, the least that HTTP/2 allows
	h2Window    = 64<<10 - 1
	h2Streams   = 32 // open at a time
	h2Table     = 4 << 10
	h2Fragments = 64  // frames of a field block
	h2Recent    = 128 // ended streams that are remembered
	h2Pending   = 64 << 10
)

// An h2Conn is the server's side of an HTTP/2 connection (RFC 9113). It is fed with what the client
// sends, and leaves in out what is to be sent. It starts no goroutine, and only one may use it.
type h2Conn struct {
	manner h2Manner
	far    *h2Far
	own    string       // address of the backend
	in     bytes.Buffer // an incomplete frame
	out    bytes.Buffer
	over   bool // the connection is to be closed

	framer  *http2.Framer
	decoder *hpack.Decoder
	encoder *hpack.Encoder
	encoded bytes.Buffer

	greeted bool // the preface has come
	set     bool // the client's first SETTINGS have come
	since   time.Time

	head      *h2Head // of the block at hand
	block     []byte  // the part of it that has come
	blockOf   uint32  // its stream; 0: there is no block at hand
	blockEnds bool    // it ends its stream
	fragments int

	blockDepends bool // its stream depends on itself (RFC 7540 §5.3.1)

	streams map[uint32]*h2Stream
	last    uint32             // the highest stream of the client
	recent  map[uint32]h2Ended // the streams that ended last
	order   []uint32           // the same, the oldest first

	sendWindow, initialWindow int64 // what the client allows
	received                  int64 // of the connection's window
}

// An h2Ended is how a stream ended.
type h2Ended uint8

const (
	h2EndedByReset h2Ended = iota + 1 // by this side: what the client has sent before it knew is ignored
	h2EndedAlready
)

func newH2Conn(m h2Manner, far *h2Far) *h2Conn {
	c := &h2Conn{
		manner: m, far: far, sendWindow: h2Window, initialWindow: h2Window, since: time.Now(),
		streams: map[uint32]*h2Stream{}, recent: map[uint32]h2Ended{},
	}
	c.framer = http2.NewFramer(&c.out, &c.in)
	c.framer.AllowIllegalWrites = true
	c.decoder = hpack.NewDecoder(h2Table, c.take)
	c.encoder = hpack.NewEncoder(&c.encoded)
	for _, settings := range m.greeting() {
		_ = c.framer.WriteSettings(settings...)
	}
	return c
}

// begun returns when something began that is incomplete: the preface, a frame or a block.
func (c *h2Conn) begun() (time.Time, bool) {
	return c.since, !c.set || c.in.Len() > 0 || c.blockOf != 0
}

// feed reads what the client sent. It keeps an incomplete frame.
func (c *h2Conn) feed(b []byte) {
	if _, waiting := c.begun(); !waiting {
		c.since = time.Now()
	}
	c.in.Write(b)
	if !c.greeted {
		start := c.in.Bytes()
		n := min(len(start), len(h2Preface))
		if string(start[:n]) != h2Preface[:n] {
			c.abort(http2.ErrCodeProtocol)
			return
		}
		if n < len(h2Preface) {
			return
		}
		c.in.Next(n)
		c.greeted = true
	}
	for !c.over && c.next() {
	}
}

// next reads one frame and reports whether there was one.
func (c *h2Conn) next() bool {
	start := c.in.Bytes()
	if len(start) < 9 {
		return false
	}
	length := int(binary.BigEndian.Uint32(start) >> 8)
	if length > h2Frame {
		c.abort(http2.ErrCodeFrameSize)
		return false
	}
	if len(start) < 9+length {
		return false
	}
	kind := http2.FrameType(start[3])
	if c.blockOf == 0 {
		c.since = time.Now() // what follows this frame begins after it, unless it continues a block
	}
	f, err := c.framer.ReadFrame()
	var ofConnection http2.ConnectionError
	var ofStream http2.StreamError
	switch {
	case errors.As(err, &ofConnection):
		c.abort(http2.ErrCode(ofConnection))
	case errors.As(err, &ofStream) && kind != http2.FrameHeaders: // its block would be lost
		c.reset(ofStream.StreamID, ofStream.Code)
	case err != nil:
		c.abort(http2.ErrCodeProtocol)
	case !c.set && kind != http2.FrameSettings:
		c.abort(http2.ErrCodeProtocol)
	default:
		c.handle(f)
	}
	return true
}

// handle answers a frame.
func (c *h2Conn) handle(f http2.Frame) {
	switch f := f.(type) {
	case *http2.SettingsFrame:
		c.set = true
		c.settings(f)
	case *http2.PingFrame:
		if !f.IsAck() {
			_ = c.framer.WritePing(true, f.Data)
		}
	case *http2.HeadersFrame:
		c.blockOf, c.blockEnds, c.fragments, c.block = f.StreamID, f.StreamEnded(), 0, c.block[:0]
		c.blockDepends = f.Priority.StreamDep == f.StreamID
		c.fragment(f.HeaderBlockFragment(), f.HeadersEnded())
	case *http2.ContinuationFrame:
		c.fragment(f.HeaderBlockFragment(), f.HeadersEnded())
	case *http2.PushPromiseFrame:
		c.abort(http2.ErrCodeProtocol)
	case *http2.PriorityFrame:
		if f.StreamDep == f.StreamID { // RFC 7540 §5.3.1
			c.dependsOnItself(f.StreamID)
		}
	case *http2.DataFrame:
		if c.known(f.StreamID) {
			c.data(f)
		}
	case *http2.RSTStreamFrame:
		if s := c.streams[f.StreamID]; c.known(f.StreamID) && s != nil {
			c.forget(s.id, h2EndedAlready)
			c.ended(s)
		}
	case *http2.WindowUpdateFrame:
		if f.StreamID == 0 || c.known(f.StreamID) {
			c.widen(f)
		}
	}
}

// dependsOnItself answers a PRIORITY frame whose stream depends on itself. Only an open stream can be reset.
func (c *h2Conn) dependsOnItself(id uint32) {
	if c.streams[id] == nil {
		c.abort(http2.ErrCodeProtocol)
		return
	}
	c.reset(id, http2.ErrCodeProtocol)
}

// known reports whether a stream is or was open. Otherwise it ends the connection (RFC 9113 §5.1).
func (c *h2Conn) known(id uint32) bool {
	if id%2 == 0 || id > c.last {
		c.abort(http2.ErrCodeProtocol)
		return false
	}
	return true
}

// settings takes the client's settings.
func (c *h2Conn) settings(f *http2.SettingsFrame) {
	if f.IsAck() {
		return
	}
	err := f.ForeachSetting(func(s http2.Setting) error {
		if err := s.Valid(); err != nil {
			return err
		}
		switch s.ID {
		case http2.SettingHeaderTableSize:
			c.encoder.SetMaxDynamicTableSize(min(s.Val, h2Table))
		case http2.SettingInitialWindowSize:
			more := int64(s.Val) - c.initialWindow
			c.initialWindow = int64(s.Val)
			for _, s := range c.streams {
				if s.sendWindow += more; s.sendWindow > 1<<31-1 {
					return http2.ConnectionError(http2.ErrCodeFlowControl)
				}
			}
		}
		return nil
	})
	var bad http2.ConnectionError
	if errors.As(err, &bad) {
		c.abort(http2.ErrCode(bad))
		return
	}
	_ = c.framer.WriteSettingsAck()
	c.flushAll()
}

// flushAll sends what waited for a window, the lowest stream first.
func (c *h2Conn) flushAll() {
	for _, id := range slices.Sorted(maps.Keys(c.streams)) {
		if s := c.streams[id]; s != nil {
			c.flush(s)
		}
	}
}

// abort ends the connection.
func (c *h2Conn) abort(code http2.ErrCode) {
	if !c.over {
		_ = c.framer.WriteGoAway(c.last, code, nil)
	}
	c.over = true
}

// reset ends a stream.
func (c *h2Conn) reset(id uint32, code http2.ErrCode) {
	_ = c.framer.WriteRSTStream(id, code)
	c.forget(id, h2EndedByReset)
}

// forget drops a stream, and remembers for a while how it ended.
func (c *h2Conn) forget(id uint32, how h2Ended) {
	delete(c.streams, id)
	if c.recent[id] == 0 {
		c.order = append(c.order, id)
	}
	c.recent[id] = how
	if len(c.order) > h2Recent {
		delete(c.recent, c.order[0])
		c.order = c.order[1:]
	}
}
