package lab

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// TestH2WindowsAreRespectedAndOpenedAgain sends more than the windows of both sides hold.
func TestH2WindowsAreRespectedAndOpenedAgain(t *testing.T) {
	c := dialH2(t, start(t, "h2"), http2.Setting{ID: http2.SettingInitialWindowSize, Val: 3})
	c.ask(1, false, h2Connect())
	_ = c.framer.WriteData(1, false, []byte("\x81\x82\x124Vx"+mask("hi")))
	if got := c.of(1).data; got != "\x81\x02h" {
		t.Errorf("got %q in a window of 3", got)
	}
	if came := c.ping(); came != "" {
		t.Errorf("got %q without a window", came)
	}
	_ = c.framer.WriteWindowUpdate(1, 1)
	if got := c.of(1).data; got != "i" {
		t.Errorf("got %q in a window of 1", got)
	}
	_ = c.framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 20})
	_ = c.framer.WriteWindowUpdate(0, 1<<20)
	frame := "\x82\xfe\x10\x00\x00\x00\x00\x00" + strings.Repeat("x", 4096)
	for i := range 100 { // 400 KiB, six times the window
		_ = c.framer.WriteData(1, false, []byte(frame))
		for got := 0; got < 4100; {
			e := c.of(1)
			if got += len(e.data); e.what != "data" {
				t.Fatalf("frame %d: got %s", i, e.what)
			}
		}
	}
}

// TestH2IsBounded checks what the backend does not take, and that it takes no more of it.
func TestH2IsBounded(t *testing.T) {
	s := start(t, "h2")
	for name, each := range map[string]struct {
		send func(c *h2Client)
		want string
	}{
		"endless block": {func(c *h2Client) {
			_ = c.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte{0x82}})
			for range h2Fragments {
				_ = c.framer.WriteContinuation(1, false, nil)
			}
		}, "GOAWAY ENHANCE_YOUR_CALM"},
		"large block": {func(c *h2Client) {
			_ = c.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte{0x82}})
			for range 5 {
				_ = c.framer.WriteContinuation(1, false, make([]byte, h2Frame))
			}
		}, "GOAWAY ENHANCE_YOUR_CALM"},
		"block that is cut": {func(c *h2Client) {
			_ = c.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte{0x40, 0x7f}, EndHeaders: true})
		}, "GOAWAY COMPRESSION_ERROR"},
		"another frame in a block": {func(c *h2Client) {
			_ = c.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte{0x82}})
			_ = c.framer.WritePing(false, [8]byte{})
		}, "GOAWAY PROTOCOL_ERROR"},
		"long frame":      {func(c *h2Client) { _ = c.framer.WriteRawFrame(http2.FrameData, 0, 1, make([]byte, h2Frame+1)) }, "GOAWAY FRAME_SIZE_ERROR"},
		"window too wide": {func(c *h2Client) { _ = c.framer.WriteWindowUpdate(0, 1<<31-1) }, "GOAWAY FLOW_CONTROL_ERROR"},
		"setting 2": {func(c *h2Client) {
			_ = c.framer.WriteSettings(http2.Setting{ID: http2.SettingEnableConnectProtocol, Val: 2})
		}, "GOAWAY PROTOCOL_ERROR"},
		"data of no stream": {func(c *h2Client) { _ = c.framer.WriteData(7, false, nil) }, "GOAWAY PROTOCOL_ERROR"},
		"no preface":        {nil, "GOAWAY PROTOCOL_ERROR"},
	} {
		var c *h2Client
		if each.send == nil {
			conn, br := say(t, s, "PRI * HTTP/2.0\r\n\r\nxx\r\n\r\n")
			c = &h2Client{t: t, conn: conn, br: br, framer: http2.NewFramer(conn, br)}
		} else {
			c = dialH2(t, s)
			each.send(c)
		}
		if e := c.of(0); e.what != each.want {
			t.Errorf("%s: got %s, want %s", name, e.what, each.want)
		}
		if e := c.of(0); e.what != "end" {
			t.Errorf("%s: got %s after the GOAWAY", name, e.what)
		}
	}
	c := dialH2(t, s, http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0})
	c.ask(1, false, h2Connect())
	frame := "\x82\xfe\x10\x00\x00\x00\x00\x00" + strings.Repeat("x", 4096)
	for range 50 { // nothing is read of the answers
		_ = c.framer.WriteData(1, false, []byte(frame))
	}
	if e := c.of(1); e.what != "RST FLOW_CONTROL_ERROR" {
		t.Errorf("got %s for more than the window", e.what)
	}
	c = dialH2(t, s)
	bomb := append(h2Get(), "x-a", strings.Repeat("x", 4000))
	for range 100 {
		bomb = append(bomb, "x-a", bomb[9])
	}
	if e := c.ask(1, true, bomb); e.what != "431" {
		t.Errorf("got %s for a block of 400 KB, want 431", e.what)
	}
	id := uint32(3)
	for range h2Streams {
		c.ask(id, false, h2Connect())
		id += 2
	}
	if e := c.ask(id, false, h2Connect()); e.what != "RST REFUSED_STREAM" {
		t.Errorf("got %s for one stream too many", e.what)
	}
}

// TestH2TimeIsOfTheFrameAtHand checks that a client that always has a part of a frame under way is
// given time for each, and one that goes on with a block is not.
func TestH2TimeIsOfTheFrameAtHand(t *testing.T) {
	const settings, ping, headers, more = "\x00\x00\x00\x04\x00\x00\x00\x00\x00", "\x00\x00\x08\x06\x00\x00\x00\x00\x0012345678",
		"\x00\x00\x01\x01\x00\x00\x00\x00\x01\x82", "\x00\x00\x00\x09\x00\x00\x00\x00\x01"
	long := time.Now().Add(-time.Hour)
	for name, each := range map[string]struct {
		before, then  string
		waits, begins bool // something is incomplete, and began with the last bytes
	}{
		"between frames": {settings, ping, false, true},
		"next frame":     {settings + ping[:3], ping[3:] + ping[:3], true, true},
		"same frame":     {settings + ping[:3], ping[3:5], true, false},
		"block":          {settings, headers, true, true},
		"same block":     {settings + headers, more + more, true, false},
		"no settings":    {"", settings[:5], true, false},
	} {
		c := newH2Conn(h2Manner{}, &h2Far{})
		c.feed([]byte(h2Preface + each.before))
		c.since = long
		c.feed([]byte(each.then))
		begun, waits := c.begun()
		if waits != each.waits || begun.After(long) != each.begins {
			t.Errorf("%s: incomplete since %v, %t", name, begun, waits)
		}
	}
}

// FuzzH2 feeds bytes in two parts. What comes out is frames of HTTP/2, and not much.
func FuzzH2(f *testing.F) {
	var sent bytes.Buffer
	client := &h2Client{framer: http2.NewFramer(&sent, nil)}
	client.encoder = hpack.NewEncoder(&client.block)
	_ = client.framer.WriteSettings()
	client.send(1, false, h2Connect())
	_ = client.framer.WriteData(1, false, []byte("\x81\x82\x124Vx"+mask("hi")))
	client.send(3, true, h2Get(":path", "/seen"))
	_ = client.framer.WriteWindowUpdate(1, 100)
	client.send(5, false, h2Connect(":protocol", "h2c"))
	_ = client.framer.WriteData(5, true, append([]byte(h2Preface), sent.Bytes()...))
	faults := h2Faults()
	for fault := range faults {
		f.Add(sent.Bytes(), fault, 20*fault)
	}
	f.Fuzz(func(t *testing.T, b []byte, fault, split int) {
		if fault < 0 || fault >= len(faults) || split < 0 || split > len(b) || len(b) > 1<<16 {
			return
		}
		c := newH2Conn(faults[fault].manner, &h2Far{})
		for _, part := range [][]byte{[]byte(h2Preface), b[:split], b[split:]} {
			if !c.over {
				c.feed(part)
			}
		}
		if c.out.Len() > 1<<24 || len(c.streams) > h2Streams || len(c.recent) > h2Recent {
			t.Errorf("%d bytes in, %d out, %d streams", len(b), c.out.Len(), len(c.streams))
		}
		read := http2.NewFramer(nil, &c.out)
		for !faults[fault].manner.unframed {
			if _, err := read.ReadFrame(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatal(err)
			}
		}
	})
}
