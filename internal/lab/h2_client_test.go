package lab

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// An h2Client speaks HTTP/2 frame by frame, and may send what is malformed.
type h2Client struct {
	t       *testing.T
	conn    net.Conn
	br      *bufio.Reader
	framer  *http2.Framer
	block   bytes.Buffer
	encoder *hpack.Encoder
	decoder *hpack.Decoder
	plain   bool     // nothing but x-il goes into the table
	offered []uint32 // values of SETTINGS_ENABLE_CONNECT_PROTOCOL
}

// An h2Event is what a server says of a stream, or of the connection (0).
type h2Event struct {
	id   uint32
	what string // the status, "data", "RST code", "GOAWAY code", "end"
	head map[string]string
	data string
	ends bool
}

// dialH2 connects, and exchanges settings.
func dialH2(t *testing.T, s *Server, settings ...http2.Setting) *h2Client {
	t.Helper()
	conn, br := say(t, s, h2Preface)
	return greetH2(t, conn, br, settings...)
}

// greetH2 exchanges settings on a connection that has begun with the preface.
func greetH2(t *testing.T, conn net.Conn, br *bufio.Reader, settings ...http2.Setting) *h2Client {
	t.Helper()
	c := &h2Client{t: t, conn: conn, br: br, framer: http2.NewFramer(conn, br), decoder: hpack.NewDecoder(4096, nil)}
	c.framer.AllowIllegalWrites, c.framer.AllowIllegalReads = true, true
	c.encoder = hpack.NewEncoder(&c.block)
	_ = c.framer.WriteSettings(append(settings, http2.Setting{ID: http2.SettingEnablePush})...)
	for acked := false; !acked; {
		f, err := c.framer.ReadFrame()
		if err != nil {
			t.Fatal(err)
		}
		if f, ok := f.(*http2.SettingsFrame); ok {
			acked = f.IsAck()
			if v, has := f.Value(http2.SettingEnableConnectProtocol); has {
				c.offered = append(c.offered, v)
			}
		}
	}
	_ = c.framer.WriteSettingsAck()
	return c
}

// h2Connect returns the lines of a valid extended CONNECT with changes: a pair replaces the line of
// that name or is added, a name that begins with - removes one.
func h2Connect(changes ...string) []string {
	return h2Change([]string{
		":method", "CONNECT", ":protocol", "websocket", ":scheme", "http", ":path", "/ws", ":authority", "lab",
		"sec-websocket-version", "13", "origin", "http://lab",
	}, changes)
}

// h2Get is the same for a GET.
func h2Get(changes ...string) []string {
	return h2Change([]string{":method", "GET", ":scheme", "http", ":path", "/", ":authority", "lab"}, changes)
}

func h2Change(lines, changes []string) []string {
	for i := 0; i < len(changes); i++ {
		name, remove := strings.CutPrefix(changes[i], "-")
		at := 0
		for at < len(lines) && lines[at] != name {
			at += 2
		}
		switch {
		case remove:
			lines = slices.Delete(lines, at, at+2)
			continue
		case at < len(lines):
			lines[at+1] = changes[i+1]
		default:
			lines = append(lines, name, changes[i+1])
		}
		i++
	}
	return lines
}

// send sends the lines of a head. They go into the table.
func (c *h2Client) send(id uint32, end bool, lines []string) {
	c.block.Reset()
	for i := 0; i < len(lines); i += 2 {
		_ = c.encoder.WriteField(hpack.HeaderField{Name: lines[i], Value: lines[i+1], Sensitive: c.plain && lines[i] != "x-il"})
	}
	_ = c.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: c.block.Bytes(), EndHeaders: true, EndStream: end})
}

// next returns the next event.
func (c *h2Client) next() h2Event {
	for {
		f, err := c.framer.ReadFrame()
		if err != nil {
			return h2Event{what: "end", ends: true}
		}
		switch f := f.(type) {
		case *http2.HeadersFrame:
			fields, err := c.decoder.DecodeFull(f.HeaderBlockFragment())
			if err != nil {
				c.t.Fatal(err)
			}
			head := map[string]string{}
			for _, f := range fields {
				head[f.Name] = f.Value
			}
			return h2Event{f.StreamID, head[":status"], head, "", f.StreamEnded()}
		case *http2.DataFrame:
			return h2Event{f.StreamID, "data", nil, string(f.Data()), f.StreamEnded()}
		case *http2.RSTStreamFrame:
			return h2Event{f.StreamID, "RST " + f.ErrCode.String(), nil, "", true}
		case *http2.GoAwayFrame:
			return h2Event{0, "GOAWAY " + f.ErrCode.String(), nil, "", true}
		case *http2.PingFrame:
			return h2Event{0, "ping", nil, string(f.Data[:]), false}
		}
	}
}

// of returns the next event of a stream or of the connection. Those of other streams are lost.
func (c *h2Client) of(id uint32) h2Event {
	for {
		if e := c.next(); e.id == id || e.what == "end" || strings.HasPrefix(e.what, "GOAWAY") {
			return e
		}
	}
}

// ask sends a head that begins a stream, and returns the answer.
func (c *h2Client) ask(id uint32, end bool, lines []string) h2Event {
	c.send(id, end, lines)
	return c.of(id)
}

// get returns the status of a page, its text and its x-il.
func (c *h2Client) get(id uint32, changes ...string) string {
	e := c.ask(id, true, h2Get(changes...))
	text, what := "", e.what
	for !e.ends {
		e = c.of(id)
		if e.what != "data" {
			return what + ", then " + e.what
		}
		text += e.data
	}
	if e.head == nil && e.what != "data" {
		return what
	}
	return fmt.Sprint(what, " ", text)
}

// echoes reports what a tunnel answers to a message.
func (c *h2Client) echoes(id uint32) string {
	_ = c.framer.WriteData(id, false, []byte("\x81\x82\x124Vx"+mask("hi")))
	return c.of(id).data
}

// ends reads a stream to its end, and returns its data and how it ends.
func (c *h2Client) ends(id uint32) string {
	data := ""
	for {
		e := c.of(id)
		data += e.data
		switch {
		case e.what == "data" && e.ends:
			return fmt.Sprintf("%q END_STREAM", data)
		case e.ends || e.what == "end":
			return fmt.Sprintf("%q %s", data, e.what)
		}
	}
}

// ping returns the events before the answer to a ping.
func (c *h2Client) ping() string {
	_ = c.framer.WritePing(false, [8]byte{1})
	came := ""
	for {
		e := c.next()
		if e.what == "ping" {
			return came
		}
		came += e.what + e.data + " "
		if e.what == "end" || strings.HasPrefix(e.what, "GOAWAY") {
			return came
		}
	}
}

// raw reads bytes past the framer.
func (c *h2Client) raw(n int) string {
	b := make([]byte, n)
	_ = c.conn.SetReadDeadline(time.Now().Add(time.Minute))
	n, _ = io.ReadFull(c.br, b)
	return string(b[:n])
}
