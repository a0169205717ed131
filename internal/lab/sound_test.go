package lab

import (
	"bufio"
	"io"
	"net"
	"strings"
	"testing"
)

// endpoints lists the WebSocket endpoints of the correct backends: the backend and its path.
var endpoints = [][2]string{
	{"gorilla", "/chat"}, {"coder", "/echo"}, {"gobwas", "/chat"},
	{"sound", "/chat"}, {"sound", "/gorilla"}, {"sound", "/coder"}, {"sound", "/gobwas"},
}

func TestSoundBackendsSwitchOnSoundHandshakesOnly(t *testing.T) {
	for _, e := range endpoints {
		s := start(t, e[0])
		at := func(raw string) string { return strings.Replace(raw, "/chat", e[1], 1) }
		for name, handshake := range variations() {
			t.Run(e[0]+e[1]+"/"+name, func(t *testing.T) {
				p := ask(t, s, at(handshake))
				if p.StatusCode != 101 || p.Header.Get("Sec-WebSocket-Accept") != soundAccept ||
					p.Header.Get("Upgrade") != "websocket" || p.Header.Get("Connection") != "Upgrade" ||
					p.Header["Sec-Websocket-Protocol"] != nil || p.Header["Sec-Websocket-Extensions"] != nil {
					t.Errorf("got %s %q", p.Status, p.Header)
				}
			})
		}
		for _, m := range malformations() {
			t.Run(e[0]+e[1]+"/"+m.name, func(t *testing.T) {
				p := ask(t, s, at(m.handshake))
				if p.StatusCode < 400 || p.StatusCode > 499 {
					t.Errorf("got %s %q, want a 4xx", p.Status, p.Header)
				}
			})
		}
	}
}

func TestRefusalsSayWhatWouldDo(t *testing.T) {
	for _, name := range []string{"gorilla", "coder", "gobwas", "any-method"} {
		s := start(t, name)
		for _, raw := range []string{
			strings.Replace(soundHandshake, "Version: 13", "Version: 99", 1),
			"GET /chat HTTP/1.1\r\nHost: lab\r\n\r\n",
		} {
			p := ask(t, s, raw)
			if p.StatusCode != 426 || p.Header.Get("Upgrade") != "websocket" || p.Header.Get("Connection") != "Upgrade" ||
				p.Header.Get("Sec-WebSocket-Version") != "13" {
				t.Errorf("%s: got %s %q", name, p.Status, p.Header)
			}
		}
	}
	p := ask(t, start(t, "gorilla"), strings.Replace(soundHandshake, "GET", "POST", 1))
	if p.StatusCode != 405 || p.Header.Get("Allow") != "GET" {
		t.Errorf("got %s %q", p.Status, p.Header)
	}
}

func TestARefusedClientMayTryAgain(t *testing.T) {
	for _, name := range []string{"gorilla", "any-method"} {
		conn, br := say(t, start(t, name), strings.Replace(soundHandshake, "Version: 13", "Version: 99", 1))
		_, _ = io.Copy(io.Discard, heed(t, br).Body)
		_, _ = io.WriteString(conn, soundHandshake)
		if p := heed(t, br); p.StatusCode != 101 {
			t.Errorf("%s: got %s, want 101", name, p.Status)
		}
	}
}

func TestTunnelsEcho(t *testing.T) {
	for _, name := range []string{"gorilla", "coder", "gobwas", "any-method"} {
		t.Run(name, func(t *testing.T) {
			conn, br := say(t, start(t, name), soundHandshake)
			heed(t, br)
			converse(t, conn, br, []exchanged{
				{"text", "\x81\x82\x00\x00\x00\x00hi", "\x81\x02hi"},
				{"ping, masked", "\x89\x82\x124Vx" + mask("up"), "\x8a\x02up"},
				{"binary, empty", "\x82\x80\x00\x00\x00\x00", "\x82\x00"},
				{"close 1000", "\x88\x82\x00\x00\x00\x00\x03\xe8", "\x88\x02\x03\xe8"},
			})
			if b, err := io.ReadAll(br); len(b) > 0 || err != nil {
				t.Errorf("after the close frame: got %q, %v", b, err)
			}
		})
	}
}

func TestUnmaskedFramesEndTheTunnel(t *testing.T) {
	for _, name := range []string{"gorilla", "coder", "gobwas", "any-method"} {
		conn, br := say(t, start(t, name), soundHandshake)
		heed(t, br)
		_, _ = io.WriteString(conn, "\x81\x02hi")
		// coder/websocket closes without a close frame.
		if b, err := io.ReadAll(br); err != nil || len(b) > 0 && b[0] != 0x88 {
			t.Errorf("%s: got %q, %v, want a close", name, b, err)
		}
	}
}

func TestFragmentsAreEchoed(t *testing.T) {
	conn, br := say(t, start(t, "gobwas"), soundHandshake)
	heed(t, br)
	converse(t, conn, br, []exchanged{
		{"first", "\x01\x81\x00\x00\x00\x00a", "\x01\x01a"},
		{"ping between", "\x89\x80\x00\x00\x00\x00", "\x8a\x00"},
		{"last", "\x80\x81\x00\x00\x00\x00b", "\x80\x01b"},
		{"too long", "\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00", "\x88\x02\x03\xf1"},
	})
}

func TestPages(t *testing.T) {
	for _, b := range Backends() {
		if b.Hostile && b.Name != "hangs" || b.Name == "missing" {
			continue
		}
		s := start(t, b.Name)
		for target, want := range map[string]int{"/": 200, "/api/items?x": 200, "/elsewhere": 404} {
			if b.Name == "unsolicited-101" && want == 200 {
				want = 101
			}
			if strings.HasSuffix(b.Name, "-login") && target != "/" {
				want = 401
			}
			p := ask(t, s, "GET "+target+" HTTP/1.1\r\nHost: lab\r\nConnection: close\r\n\r\n")
			if p.StatusCode != want {
				t.Errorf("%s: GET %s: got %s, want %d", b.Name, target, p.Status, want)
			}
		}
		for _, raw := range []string{
			"POST / HTTP/1.1\r\nHost: lab\r\nContent-Length: 5\r\n\r\nhello",
			"HEAD / HTTP/1.1\r\nHost: lab\r\n\r\n",
		} {
			if p := ask(t, s, raw); p.StatusCode != 200 && b.Name != "unsolicited-101" {
				t.Errorf("%s: %q: got %s", b.Name, raw, p.Status)
			}
		}
		if p := ask(t, s, "CONNECT lab:80 HTTP/1.1\r\nHost: lab\r\n\r\n"); p.StatusCode < 400 {
			t.Errorf("%s: CONNECT: got %s", b.Name, p.Status)
		}
	}
}

// exchanged has bytes to send and the expected answer.
type exchanged struct{ name, sent, want string }

func converse(t *testing.T, conn net.Conn, br *bufio.Reader, turns []exchanged) {
	t.Helper()
	for _, e := range turns {
		_, _ = io.WriteString(conn, e.sent)
		got := make([]byte, len(e.want))
		if _, err := io.ReadFull(br, got); err != nil || string(got) != e.want {
			t.Errorf("%s: got %q, %v, want %q", e.name, got, err, e.want)
		}
	}
}

// mask masks a payload with the key 12 34 56 78.
func mask(payload string) string {
	b := []byte(payload)
	for i := range b {
		b[i] ^= "\x124Vx"[i%4]
	}
	return string(b)
}
