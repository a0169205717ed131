package lab

import (
	"bytes"
	"errors"
	"io"
	"net"
	"strconv"
	"sync"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// A gatewayConn is a connection of a client that speaks HTTP/2 to a gateway. One goroutine reads it; each
// stream has one that waits for the backend.
type gatewayConn struct {
	hop    *Hop
	manner gatewayManner
	client *hopConn
	framer *http2.Framer // reads without mu, writes with it

	streaming sync.WaitGroup

	mu      sync.Mutex
	wider   *sync.Cond // a window is wider, a stream has ended, or the connection has
	streams map[uint32]*gatewayStream
	last    uint32
	over    bool
	window  int64 // what the client allows on the connection
	initial int64 // and on a new stream
	encoder *hpack.Encoder
	block   bytes.Buffer
}

// speakHTTP2 serves a client that has begun with the preface of HTTP/2.
func speakHTTP2(h *Hop, client *hopConn) {
	c := &gatewayConn{hop: h, manner: h.gateway, client: client, streams: map[uint32]*gatewayStream{}, window: h2Window, initial: h2Window}
	c.wider, c.encoder = sync.NewCond(&c.mu), hpack.NewEncoder(&c.block)
	c.framer = http2.NewFramer(gatewayWriter{client.Conn}, client.br)
	c.framer.SetMaxReadFrameSize(h2Frame)
	c.framer.ReadMetaHeaders, c.framer.MaxHeaderListSize = hpack.NewDecoder(h2Table, nil), maxHead
	_ = client.SetReadDeadline(time.Now().Add(headTime))
	if _, err := io.ReadFull(client.br, make([]byte, len(h2Preface))); err != nil {
		return
	}
	settings := []http2.Setting{{ID: http2.SettingMaxConcurrentStreams, Val: h2Streams}}
	if !c.manner.offersNone {
		settings = append(settings, http2.Setting{ID: http2.SettingEnableConnectProtocol, Val: 1})
	}
	_ = c.write(func() error { return c.framer.WriteSettings(settings...) })
	c.read()
	c.mu.Lock()
	c.over = true
	for _, s := range c.streams {
		s.close()
	}
	c.wider.Broadcast()
	c.mu.Unlock()
	c.streaming.Wait()
}

// A gatewayWriter writes to a connection of a client, and waits for it only so long.
type gatewayWriter struct{ net.Conn }

func (w gatewayWriter) Write(b []byte) (int, error) {
	_ = w.SetWriteDeadline(time.Now().Add(writeTime))
	return w.Conn.Write(b)
}

// write writes frames.
func (c *gatewayConn) write(frames func() error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return frames()
}

// read handles frames until the connection ends.
func (c *gatewayConn) read() {
	for {
		_ = c.client.SetReadDeadline(time.Now().Add(idleTime))
		f, err := c.framer.ReadFrame()
		var ofStream http2.StreamError
		var ofConnection http2.ConnectionError
		switch {
		case errors.As(err, &ofStream):
			c.reset(ofStream.StreamID, ofStream.Code)
			continue
		case errors.As(err, &ofConnection):
			c.goAway(http2.ErrCode(ofConnection))
			return
		case err != nil:
			return
		}
		if code := c.handle(f); code != http2.ErrCodeNo {
			c.goAway(code)
			return
		}
	}
}

// goAway ends the connection.
func (c *gatewayConn) goAway(code http2.ErrCode) {
	_ = c.write(func() error { return c.framer.WriteGoAway(c.last, code, nil) })
	linger(c.client.Conn, c.client.br)
}

// handle answers a frame. The connection ends with a code that is not [http2.ErrCodeNo].
func (c *gatewayConn) handle(f http2.Frame) http2.ErrCode {
	switch f := f.(type) {
	case *http2.MetaHeadersFrame:
		return c.request(f)
	case *http2.DataFrame:
		c.data(f)
	case *http2.SettingsFrame:
		return c.settings(f)
	case *http2.PingFrame:
		if !f.IsAck() {
			_ = c.write(func() error { return c.framer.WritePing(true, f.Data) })
		}
	case *http2.WindowUpdateFrame:
		c.widen(f.StreamID, int64(f.Increment))
	case *http2.RSTStreamFrame:
		c.forget(f.StreamID)
	}
	return http2.ErrCodeNo
}

// request begins a stream. A second head on one ends it: a tunnel has no trailers (RFC 9113 §8.5).
func (c *gatewayConn) request(f *http2.MetaHeadersFrame) http2.ErrCode {
	c.mu.Lock()
	_, open := c.streams[f.StreamID]
	late := f.StreamID <= c.last || f.StreamID%2 == 0
	c.last = max(c.last, f.StreamID)
	full := len(c.streams) >= h2Streams
	c.mu.Unlock()
	switch {
	case open:
		c.reset(f.StreamID, http2.ErrCodeProtocol)
		return http2.ErrCodeNo
	case late:
		return http2.ErrCodeProtocol
	case full:
		c.reset(f.StreamID, http2.ErrCodeRefusedStream)
		return http2.ErrCodeNo
	}
	s := &gatewayStream{conn: c, id: f.StreamID, protocol: f.PseudoValue("protocol")}
	text, ok := c.manner.inHTTP1(f)
	if f.Truncated || !ok {
		c.reset(f.StreamID, http2.ErrCodeProtocol)
		return http2.ErrCodeNo
	}
	c.mu.Lock()
	s.window, c.streams[s.id] = c.initial, s
	c.mu.Unlock()
	if status := c.manner.refuses(f); status != 0 {
		s.answer(status, nil, true)
		return http2.ErrCodeNo
	}
	c.streaming.Go(func() { s.run(text) })
	return http2.ErrCodeNo
}

// data gives a stream what the client sent, and opens its windows again.
func (c *gatewayConn) data(f *http2.DataFrame) {
	c.mu.Lock()
	s := c.streams[f.StreamID]
	if n := f.Length; n > 0 {
		_ = c.framer.WriteWindowUpdate(0, n)
		if s != nil && !f.StreamEnded() {
			_ = c.framer.WriteWindowUpdate(f.StreamID, n)
		}
	}
	c.mu.Unlock()
	if s != nil {
		s.take(f.Data(), f.StreamEnded())
	}
}

func (c *gatewayConn) settings(f *http2.SettingsFrame) http2.ErrCode {
	if f.IsAck() {
		return http2.ErrCodeNo
	}
	if size, ok := f.Value(http2.SettingInitialWindowSize); ok {
		if size > 1<<31-1 {
			return http2.ErrCodeFlowControl
		}
		c.mu.Lock()
		for _, s := range c.streams {
			s.window += int64(size) - c.initial
		}
		c.initial = int64(size)
		c.wider.Broadcast()
		c.mu.Unlock()
	}
	_ = c.write(c.framer.WriteSettingsAck)
	return http2.ErrCodeNo
}

// widen opens a window of the client.
func (c *gatewayConn) widen(id uint32, more int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if id == 0 {
		c.window += more
	} else if s := c.streams[id]; s != nil {
		s.window += more
	}
	c.wider.Broadcast()
}

// reset ends a stream.
func (c *gatewayConn) reset(id uint32, code http2.ErrCode) {
	_ = c.write(func() error { return c.framer.WriteRSTStream(id, code) })
	c.forget(id)
}

// forget drops a stream and its connection to the backend.
func (c *gatewayConn) forget(id uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := c.streams[id]; s != nil {
		delete(c.streams, id)
		s.close()
		c.wider.Broadcast()
	}
}

// head writes the head of a response.
func (c *gatewayConn) head(id uint32, status int, fields [][2]string, end bool) {
	_ = c.write(func() error {
		c.block.Reset()
		_ = c.encoder.WriteField(hpack.HeaderField{Name: ":status", Value: strconv.Itoa(status)})
		for _, f := range fields {
			_ = c.encoder.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]})
		}
		return c.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: c.block.Bytes(), EndHeaders: true, EndStream: end})
	})
}

// send writes DATA as the windows allow, and reports whether the stream goes on.
func (c *gatewayConn) send(s *gatewayStream, b []byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(b) > 0 {
		n := min(int64(len(b)), h2Frame, s.window, c.window)
		switch {
		case c.over || c.streams[s.id] != s:
			return false
		case n <= 0:
			c.wider.Wait()
			continue
		}
		s.window -= n
		c.window -= n
		if c.framer.WriteData(s.id, false, b[:n]) != nil {
			return false
		}
		b = b[n:]
	}
	return true
}
