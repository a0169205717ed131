package lab

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"go.uber.org/goleak"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

//lint:file-ignore SA1019 what is to be used instead, net/http, does not send :protocol

// TestH2SoundBackendAnswers asks everything on one connection. After each request a page shows that
// the connection and the tables of both sides are as they were.
func TestH2SoundBackendAnswers(t *testing.T) {
	const malformed = "RST PROTOCOL_ERROR"
	upgrade := []string{"connection", "Upgrade", "upgrade", "websocket", "sec-websocket-key", h2Key, "sec-websocket-version", "13"}
	repeated := func(lines []string, name, value string) []string { return append(lines, name, value) }
	inFront := func(lines []string, name, value string) []string { return append([]string{name, value}, lines...) }
	c := dialH2(t, start(t, "h2"))
	if len(c.offered) != 1 || c.offered[0] != 1 {
		t.Fatalf("got the settings %d, want 1", c.offered)
	}
	id := uint32(1)
	for _, each := range []struct {
		name  string
		end   bool
		lines []string
		want  string
	}{
		{"plain", false, h2Connect(), "200"},
		{"no origin", false, h2Connect("-origin"), "200"},
		{"browser", false, h2Connect("pragma", "no-cache", "sec-websocket-extensions", "permessage-deflate; client_max_window_bits"), "200"},
		{"te: trailers", false, h2Connect("te", "trailers"), "200"},
		{"a key", false, h2Connect("sec-websocket-key", "x"), "200"},
		{"the same Host", false, h2Connect("host", "lab"), "200"},
		{"Host alone", false, h2Connect("-:authority", "host", "lab"), "200"},
		{"a session", false, h2Connect(":path", "/admin", "cookie", "session=lab"), "200"},
		{"a session in the second crumb", false, repeated(h2Connect(":path", "/admin", "cookie", "a=1"), "cookie", "session=lab"), "200"},
		{"no session", false, h2Connect(":path", "/admin"), "401"},
		{"elsewhere", false, h2Connect(":path", "/nope"), "404"},

		{"unknown protocol", false, h2Connect(":protocol", "interlock-unknown"), "501"},
		{"h2c", false, h2Connect(":protocol", "h2c", "http2-settings", "AAMAAABkAAQAAP__"), "501"},
		{"list of protocols", false, h2Connect(":protocol", "websocket, h2c"), "501"},
		{"connect-udp", false, h2Connect(":protocol", "connect-udp"), "501"},
		{"version 99", false, h2Connect("sec-websocket-version", "99"), "400"},
		{"no version", false, h2Connect("-sec-websocket-version"), "400"},
		{"foreign origin", false, h2Connect("origin", "http://evil.invalid"), "403"},
		{"another scheme", false, h2Connect(":scheme", "wss"), "400"},
		{"user information", false, h2Connect(":authority", "x@lab"), "400"},
		{"another Host", false, h2Connect("host", "other.invalid"), "400"},
		{"a length", false, h2Connect("content-length", "0"), "400"},
		{"the stream ended", true, h2Connect(), "400"},
		{"plain CONNECT", false, []string{":method", "CONNECT", ":authority", "lab:80"}, "405"},

		{"empty protocol", false, h2Connect(":protocol", ""), malformed},
		{"protocol twice", false, inFront(h2Connect(), ":protocol", "websocket"), malformed},
		{"blank before protocol", false, h2Connect(":protocol", " websocket"), malformed},
		{"CR LF in protocol", false, h2Connect(":protocol", "websocket\r\nx-il-smuggled: 1"), malformed},
		{"GET", true, h2Connect(":method", "GET"), malformed},
		{"GET, open", false, h2Connect(":method", "GET"), malformed},
		{"connect", false, h2Connect(":method", "connect"), malformed},
		{"no scheme", false, h2Connect("-:scheme"), malformed},
		{"no path", false, h2Connect("-:path"), malformed},
		{"no authority", false, h2Connect("-:authority"), malformed},
		{"empty path", false, h2Connect(":path", ""), malformed},
		{"path without slash", false, h2Connect(":path", "ws"), malformed},
		{"blank in path", false, h2Connect(":path", "/ws HTTP/1.1"), malformed},
		{"protocol last", false, append(h2Connect("-:protocol"), ":protocol", "websocket"), malformed},
		{"unknown pseudo-header", false, inFront(h2Connect(), ":interlock", "1"), malformed},
		{"status in a request", false, inFront(h2Connect(), ":status", "101"), malformed},
		{"no protocol", false, h2Connect("-:protocol"), malformed},
		{"connection", false, h2Connect("connection", "x"), malformed},
		{"upgrade", false, h2Connect("upgrade", "websocket"), malformed},
		{"te", false, h2Connect("te", "gzip"), malformed},
		{"transfer-encoding", false, h2Connect("transfer-encoding", "chunked"), malformed},
		{"upper case", false, append(h2Connect(), "X-A", "1"), malformed},
		{"CR LF", false, h2Connect("x-a", "1\r\nx-il-smuggled: 1"), malformed},
		{"NUL", false, h2Connect("x-a", "1\x00"), malformed},
		{"colon", false, h2Connect("x-a:b", "1"), malformed},
		{"no length", false, h2Connect("content-length", "x"), malformed},
		{"HTTP/1.1 upgrade", true, h2Get(upgrade...), malformed},
		{"HTTP/1.1 upgrade, open", false, h2Get(upgrade...), malformed},
		{"length and end", true, h2Get("content-length", "5"), malformed},

		{"page", true, h2Get(), "200"},
		{"HEAD", true, h2Get(":method", "HEAD"), "200"},
		{"no page", true, h2Get(":path", "/nope"), "404"},
		{"WebSocket by GET", true, h2Get(":path", "/ws"), "426"},
		{"key and version without upgrade", true, h2Get(append([]string{":path", "/ws"}, upgrade[4:]...)...), "426"},
		{"the guarded page", true, h2Get(":path", "/admin"), "401"},
		{"the guarded page with a session", true, h2Get(":path", "/admin", "cookie", "session=lab"), "200"},
	} {
		e := c.ask(id, each.end, append(each.lines, "x-il", each.name))
		if e.what != each.want || e.head["upgrade"]+e.head["connection"]+e.head["sec-websocket-accept"] != "" {
			t.Errorf("%s: got %s %v, want %s", each.name, e.what, e.head, each.want)
		}
		if e.what == "200" && !each.end {
			if got := c.echoes(id); got != "\x81\x02hi" {
				t.Errorf("%s: got %q, want an echo", each.name, got)
			}
			_ = c.framer.WriteRSTStream(id, http2.ErrCodeCancel)
		}
		page := c.ask(id+2, true, h2Get("x-il", each.name))
		if page.what != "200" || page.head["x-il"] != each.name {
			t.Fatalf("%s: after it a page is %s %v", each.name, page.what, page.head)
		}
		id += 4
	}
}

func TestH2TunnelsEnd(t *testing.T) {
	hello, bye := []byte("\x81\x82\x124Vx"+mask("hi")), []byte("\x88\x82\x124Vx"+mask("\x03\xe8"))
	for name, each := range map[string]struct {
		send func(f *http2.Framer)
		want string
	}{
		"close":             {func(f *http2.Framer) { _ = f.WriteData(1, false, append(hello, bye...)) }, `"\x81\x02hi\x88\x02\x03\xe8" END_STREAM`},
		"close that ends":   {func(f *http2.Framer) { _ = f.WriteData(1, true, bye) }, `"\x88\x02\x03\xe8" END_STREAM`},
		"end without close": {func(f *http2.Framer) { _ = f.WriteData(1, true, nil) }, `"" END_STREAM`},
		"unmasked":          {func(f *http2.Framer) { _ = f.WriteData(1, false, []byte("\x81\x02hi")) }, `"\x88\x06\x03\xeamask" END_STREAM`},
		"reserved opcode":   {func(f *http2.Framer) { _ = f.WriteData(1, false, []byte("\x83\x80\x124Vx")) }, `"\x88\b\x03\xeaopcode" END_STREAM`},
		"too long": {func(f *http2.Framer) {
			_ = f.WriteData(1, false, []byte("\x82\xff\x00\x00\x00\x00\x7f\xff\xff\xff\x124Vx"))
		}, `"\x88\x02\x03\xf1" END_STREAM`},
		"HEADERS in the tunnel": {func(f *http2.Framer) { _ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, EndHeaders: true}) }, `"" RST PROTOCOL_ERROR`},
		"trailers": {func(f *http2.Framer) {
			_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, EndHeaders: true, EndStream: true})
		}, `"" RST PROTOCOL_ERROR`},
	} {
		c := dialH2(t, start(t, "h2"))
		c.ask(1, false, h2Connect())
		c.ask(3, false, h2Connect())
		each.send(c.framer)
		got := c.ends(1)
		if got != each.want {
			t.Errorf("%s: got %s, want %s", name, got, each.want)
		}
		if got := c.echoes(3); got != "\x81\x02hi" {
			t.Errorf("%s: the other tunnel answers %q", name, got)
		}
		if got := c.get(5); got != "200 points\n" {
			t.Errorf("%s: a page is %q", name, got)
		}
	}
}

// TestH2StreamsThatDependOnThemselves checks that only the stream ends, where there is one.
func TestH2StreamsThatDependOnThemselves(t *testing.T) {
	self := func(id uint32) http2.PriorityParam { return http2.PriorityParam{StreamDep: id} }
	c := dialH2(t, start(t, "h2"))
	c.block.Reset()
	for _, f := range [][2]string{{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {":authority", "lab"}} {
		_ = c.encoder.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]})
	}
	_ = c.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: c.block.Bytes(), EndHeaders: true, EndStream: true, Priority: self(1)})
	if got := c.of(1).what; got != "RST PROTOCOL_ERROR" {
		t.Errorf("HEADERS: got %s", got)
	}
	c.ask(3, false, h2Connect())
	_ = c.framer.WritePriority(3, self(3))
	if got := c.of(3).what; got != "RST PROTOCOL_ERROR" {
		t.Errorf("PRIORITY: got %s", got)
	}
	if got := c.get(5); got != "200 points\n" {
		t.Errorf("a page is %q", got)
	}
	_ = c.framer.WritePriority(9, self(9))
	if got := c.next().what; got != "GOAWAY PROTOCOL_ERROR" {
		t.Errorf("PRIORITY of a stream that is not open: got %s", got)
	}
}

// TestH2InvalidPreface checks that what is neither HTTP/1.1 nor HTTP/2 is answered in HTTP/2.
func TestH2InvalidPreface(t *testing.T) {
	for text, want := range map[string]string{
		"INVALID CONNECTION PREFACE\r\n\r\n":                       "GOAWAY PROTOCOL_ERROR",
		"GET / HTTP/1.1\r\nHost: lab\r\nConnection: close\r\n\r\n": "HTTP/1.1 200 OK",
		"GET /\r\n\r\n":          "HTTP/1.1 400 Bad Request",
		"GET / http/1.1\r\n\r\n": "HTTP/1.1 400 Bad Request",
	} {
		conn, br := say(t, start(t, "h2"), text)
		var got string
		if start, _ := br.Peek(5); string(start) == "HTTP/" {
			got, _ = br.ReadString('\r')
		} else {
			framer := http2.NewFramer(nil, br)
			for f, err := framer.ReadFrame(); err == nil; f, err = framer.ReadFrame() { // until the server ends the connection
				if f, ok := f.(*http2.GoAwayFrame); ok {
					got = "GOAWAY " + f.ErrCode.String()
				}
			}
		}
		_ = conn.Close()
		if strings.TrimSpace(got) != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

// TestH2BackendsSpeakHTTP1 checks that the faults are in HTTP/2 only.
func TestH2BackendsSpeakHTTP1(t *testing.T) {
	at := strings.NewReplacer("/chat", "/ws")
	for _, b := range H2Backends() {
		s := start(t, b.Name)
		for _, m := range malformations() {
			if p := ask(t, s, at.Replace(m.handshake)); p.StatusCode < 400 {
				t.Errorf("%s: %s: got %s", b.Name, m.name, p.Status)
			}
		}
		if p := ask(t, s, at.Replace(soundHandshake)); p.StatusCode != 101 {
			t.Errorf("%s: got %s", b.Name, p.Status)
		}
		admin := strings.Replace(soundHandshake, "/chat", "/admin", 1)
		if p := ask(t, s, admin); p.StatusCode != 401 {
			t.Errorf("%s: got %s without a login", b.Name, p.Status)
		}
		if p := ask(t, s, strings.Replace(admin, "Host:", "Cookie: session=lab\r\nHost:", 1)); p.StatusCode != 101 {
			t.Errorf("%s: got %s with a login", b.Name, p.Status)
		}
		if s.Close(); t.Failed() {
			return
		}
	}
}

// TestH2TransportOpensATunnel uses the client of golang.org/x/net.
func TestH2TransportOpensATunnel(t *testing.T) {
	s := start(t, "h2")
	transport := &http2.Transport{AllowHTTP: true, DialTLSContext: func(ctx context.Context, network, addr string, _ *tls.Config) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, addr)
	}}
	defer transport.CloseIdleConnections()
	body, write := io.Pipe()
	r, _ := http.NewRequestWithContext(t.Context(), http.MethodConnect, s.URL+"/ws", body)
	r.Header = http.Header{":protocol": {"websocket"}, "Sec-Websocket-Version": {"13"}}
	p, err := transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Body.Close()
	_, _ = io.WriteString(write, "\x81\x82\x124Vx"+mask("hi")+"\x88\x82\x124Vx"+mask("\x03\xe8"))
	got, err := io.ReadAll(p.Body)
	if p.StatusCode != 200 || string(got) != "\x81\x02hi\x88\x02\x03\xe8" || err != nil {
		t.Errorf("got %s %q, %v", p.Status, got, err)
	}
	_ = write.Close()
}

func TestH2CloseLeavesNothingAlive(t *testing.T) {
	for _, b := range H2Backends() {
		before := goleak.IgnoreCurrent()
		s, err := Start(b.Name)
		if err != nil {
			t.Fatal(err)
		}
		c := dialH2(t, s)
		c.ask(1, false, h2Connect("sec-websocket-key", h2Key))
		say(t, s, "PRI * HT")
		s.Close()
		if err := goleak.Find(before); err != nil {
			t.Errorf("%s: %v", b.Name, err)
		}
	}
}
