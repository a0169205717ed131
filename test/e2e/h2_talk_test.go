//go:build e2e

package e2e

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// An h2Talk is a client that writes HTTP/2 frame by frame, and may write what is malformed.
type h2Talk struct {
	conn    net.Conn
	out     *bufio.Writer // written when an answer is awaited
	framer  *http2.Framer
	block   bytes.Buffer
	encoder *hpack.Encoder
	decoder *hpack.Decoder

	offers  bool                // the server has sent SETTINGS_ENABLE_CONNECT_PROTOCOL = 1
	next    uint32              // the next stream
	streams map[uint32]*h2Reply // what has come
	ended   string              // how the connection ended; "": it has not
	err     error
}

// An h2Reply is what has come on one stream.
type h2Reply struct {
	fields []hpack.HeaderField // of the last head
	heads  int
	data   []byte
	ended  string // "END_STREAM" or "RST" and the code; "": it has not
}

func (r *h2Reply) get(name string) string {
	for _, f := range r.fields {
		if f.Name == name {
			return f.Value
		}
	}
	return ""
}

func (r *h2Reply) String() string {
	return fmt.Sprintf("%s %q %s", r.get(":status"), r.data, r.ended)
}

// talkH2 connects, in TLS if it is secure, and returns when the settings of both sides are known to both.
func talkH2(t *testing.T, addr string, secure bool) *h2Talk {
	t.Helper()
	var conn net.Conn = dial(t, addr)
	if secure {
		conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true, ServerName: "chat.example", NextProtos: []string{http2.NextProtoTLS}})
	}
	send(t, conn, http2.ClientPreface)
	out := bufio.NewWriter(conn)
	c := &h2Talk{conn: conn, out: out, framer: http2.NewFramer(out, conn), decoder: hpack.NewDecoder(4096, nil), next: 1, streams: map[uint32]*h2Reply{}}
	c.framer.AllowIllegalWrites, c.framer.AllowIllegalReads = true, true
	c.encoder = hpack.NewEncoder(&c.block)
	c.framer.WriteSettings(http2.Setting{ID: http2.SettingEnablePush})
	out.Flush()
	set, acked := false, false
	for !set || !acked {
		f, err := c.framer.ReadFrame()
		if err != nil {
			t.Fatalf("before the settings were exchanged: %v", err)
		}
		if f, ok := f.(*http2.SettingsFrame); ok {
			v, _ := f.Value(http2.SettingEnableConnectProtocol)
			c.offers = c.offers || v == 1
			set, acked = set || !f.IsAck(), acked || f.IsAck()
		}
	}
	c.framer.WriteSettingsAck()
	return c
}

// connectLines returns the lines of a valid extended CONNECT to a path, and then more.
func connectLines(addr, path string, more ...string) []string {
	return append([]string{":method", "CONNECT", ":protocol", "websocket", ":scheme", "http", ":path", path, ":authority", addr,
		"sec-websocket-version", "13", "origin", "http://" + addr}, more...)
}

// getLines is the same for a GET.
func getLines(addr, path string, more ...string) []string {
	return append([]string{":method", "GET", ":scheme", "http", ":path", path, ":authority", addr}, more...)
}

// with replaces the value of a line.
func with(lines []string, name, value string) []string {
	lines = slices.Clone(lines)
	lines[slices.Index(lines, name)+1] = value
	return lines
}

// ask begins a stream and returns its number. It is sent together with what follows until the answer is
// awaited.
func (c *h2Talk) ask(end bool, lines []string) (id uint32) {
	c.block.Reset()
	for i := 0; i < len(lines); i += 2 {
		c.encoder.WriteField(hpack.HeaderField{Name: lines[i], Value: lines[i+1]})
	}
	id = c.next
	c.next += 2
	c.streams[id] = &h2Reply{}
	c.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: c.block.Bytes(), EndHeaders: true, EndStream: end})
	return id
}

// data sends a DATA frame.
func (c *h2Talk) data(id uint32, end bool, b string) { c.framer.WriteData(id, end, []byte(b)) }

// reads reads frames until a condition holds, the connection ends, or nothing comes within a time. It
// returns whether the condition holds.
func (c *h2Talk) reads(within time.Duration, until func() bool) bool {
	c.out.Flush() // where the server has closed, reading says so
	for !until() {
		if c.ended != "" {
			return false
		}
		c.conn.SetReadDeadline(time.Now().Add(within))
		f, err := c.framer.ReadFrame()
		var timeout net.Error
		switch {
		case err == nil:
			c.take(f)
		case errors.As(err, &timeout) && timeout.Timeout():
			return false
		default:
			c.err = err
			c.ended = strings.TrimSpace(c.ended + " closed")
		}
	}
	return true
}

func (c *h2Talk) take(f http2.Frame) {
	r := c.streams[f.Header().StreamID]
	if r == nil {
		r = &h2Reply{}
	}
	switch f := f.(type) {
	case *http2.HeadersFrame:
		fields, err := c.decoder.DecodeFull(f.HeaderBlockFragment())
		if err != nil {
			c.ended = "a block that cannot be decoded"
		}
		r.fields = fields
		r.heads++
		if f.StreamEnded() {
			r.ended = "END_STREAM"
		}
	case *http2.DataFrame:
		r.data = append(r.data, f.Data()...)
		if f.StreamEnded() {
			r.ended = "END_STREAM"
		}
	case *http2.RSTStreamFrame:
		r.ended = "RST " + f.ErrCode.String()
	case *http2.GoAwayFrame:
		c.ended = "GOAWAY " + f.ErrCode.String()
	case *http2.SettingsFrame:
		if !f.IsAck() {
			c.framer.WriteSettingsAck()
		}
	}
}

// The frames of a WebSocket: a message that says hello with its mask, its echo, and a close frame
// of both sides.
const (
	helloFrame = "\x81\x85\x01\x02\x03\x04igohn"
	helloBack  = "\x81\x05hello"
	helloSmall = "\xc1\x07\xcaH\xcd\xc9\xc9\x07\x00" // compressed
	closeFrame = "\x88\x82\x11\x22\x33\x44\x12\xca"
	closeBack  = "\x88\x02\x03\xe8"
)

// echoesIn reports whether a tunnel echoes, and closes.
func (c *h2Talk) echoesIn(id uint32) error {
	r := c.streams[id]
	c.data(id, false, helloFrame)
	if !c.reads(patience, func() bool {
		return bytes.Equal(r.data, []byte(helloBack)) || bytes.Equal(r.data, []byte(helloSmall)) || r.ended != ""
	}) || r.ended != "" {
		return fmt.Errorf("no echo: %v, connection %q", r, c.ended)
	}
	c.data(id, false, closeFrame)
	if !c.reads(patience, func() bool { return bytes.Contains(r.data, []byte(closeBack)) || r.ended != "" }) || !bytes.Contains(r.data, []byte(closeBack)) {
		return fmt.Errorf("no close frame: %v, connection %q", r, c.ended)
	}
	if r.ended == "" {
		c.data(id, true, "")
	}
	c.reads(patience, func() bool { return r.ended != "" })
	return nil
}
