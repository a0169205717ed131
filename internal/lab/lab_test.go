package lab

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The handshake of RFC 6455 §1.3 and its Sec-WebSocket-Accept.
const (
	soundHandshake = "GET /chat HTTP/1.1\r\nHost: lab\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
	soundAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
)

// A malformation is a handshake with one defect, and the faults of backends that accept it.
type malformation struct {
	name, handshake string
	passes          string
}

func malformations() []malformation {
	edit := func(old, with string) string { return strings.Replace(soundHandshake, old, with, 1) }
	add := func(lines string) string { return edit("Host: lab\r\n", "Host: lab\r\n"+lines) }
	const key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
	return []malformation{
		{"POST", edit("GET", "POST"), "any-method"},
		{"HEAD", edit("GET", "HEAD"), "any-method"},
		{"lower-case get", edit("GET", "get"), "any-method"},
		{"HTTP/1.0", edit("HTTP/1.1", "HTTP/1.0"), "http10 any-http-version"},
		{"http/1.1 in small letters", edit("HTTP/1.1", "http/1.1"), "any-http-version"},
		{"target *", edit("/chat", "*"), "any-target"},
		{"no Host", edit("Host: lab\r\n", ""), "no-host"},
		{"userinfo in Host", edit("Host: lab", "Host: x@lab"), "no-host"},
		{"two Hosts", add("Host: lab\r\n"), "two-hosts"},
		{"no Upgrade", edit("Upgrade: websocket\r\n", ""), "unsolicited-101 ignores-upgrade"},
		{"made-up Upgrade", edit("Upgrade: websocket", "Upgrade: totally-made-up/1.0"), "ignores-upgrade"},
		{"not-websocket in Upgrade", edit("Upgrade: websocket", "Upgrade: not-websocket"), "ignores-upgrade upgrade-substring"},
		{"h2c offered", edit("Upgrade: websocket", "Upgrade: h2c"), "ignores-upgrade"},
		{"Kelvin sign in Upgrade", edit("Upgrade: websocket", "Upgrade: websoc\u212aet"), "ignores-upgrade unicode-case"},
		{"no Connection", edit("Connection: Upgrade\r\n", ""), "ignores-connection"},
		{"Connection keep-alive", edit("Connection: Upgrade", "Connection: keep-alive"), "ignores-connection"},
		{"Connection no-upgrade", edit("Connection: Upgrade", "Connection: no-upgrade"), "ignores-connection connection-substring"},
		{"Connection by spaces", edit("Connection: Upgrade", "Connection: keep-alive Upgrade"), "ignores-connection connection-substring"},
		{"no key", edit(key, ""), "no-key"},
		{"underscores in the key's name", edit("Sec-WebSocket-Key", "Sec_WebSocket_Key"), "no-key underscores"},
		{"two keys", add(key), "two-keys"},
		{"key of 17 bytes", edit("dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZTE="), "any-key"},
		{"version 99", edit("Version: 13", "Version: 99"), "any-version"},
		{"version 013", edit("Version: 13", "Version: 013"), "any-version"},
		{"version 99, 13", edit("Version: 13", "Version: 99, 13"), "any-version"},
		{"two versions", add("Sec-WebSocket-Version: 13\r\n"), "any-version"},
		{"no version", edit("Sec-WebSocket-Version: 13\r\n", ""), "any-version"},
		{"foreign Origin", add("Origin: http://evil.invalid\r\n"), "any-origin"},
		{"two Origins", add("Origin: http://lab\r\nOrigin: http://evil.invalid\r\n"), "any-origin origin-first"},
		{"content", add("Content-Length: 8\r\n") + "\x89\x82\x124VxgD", "content-as-frames ambiguous-content"},
		{"content withheld", add("Content-Length: 8\r\n"), "content-as-frames"},
		{"content in chunks", add("Transfer-Encoding: chunked\r\n") + "0\r\n\r\n", "content-as-frames ambiguous-content"},
		{"two lengths", add("Content-Length: 8\r\nContent-Length: 0\r\n") + "\x89\x82\x124VxgD", "ambiguous-content"},
		{"subprotocol twice", add("Sec-WebSocket-Protocol: chat, chat\r\n"), ""},
		{"empty subprotocol", add("Sec-WebSocket-Protocol: \r\n"), ""},
		{"malformed extensions", add("Sec-WebSocket-Extensions: ;;=\r\n"), ""},
		{"space before colon", edit("Upgrade:", "Upgrade :"), "space-before-colon"},
		{"space before name", strings.Replace(edit("Connection: Upgrade\r\n", ""), "Host:", " Connection: Upgrade\r\nHost:", 1), "leading-space"},
		{"no colon", add("Garbage\r\n"), "skips-bad-lines"},
		{"CR alone", edit("Connection:", "X: y\rConnection:"), "breaks-at-cr"},
		{"NUL", edit("Connection: Upgrade", "Connection: Upgrade\x00"), "drops-control-bytes"},
		{"folded field", edit("Connection: Upgrade", "Connection: keep-alive,\r\n\tno"), ""},
		{"CL and TE", add("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n") + "0\r\n\r\n", "ambiguous-content"},
	}
}

// variations returns valid handshakes that look unusual.
func variations() map[string]string {
	edit := func(old, with string) string { return strings.Replace(soundHandshake, old, with, 1) }
	return map[string]string{
		"plain":            soundHandshake,
		"browser":          edit("Connection: Upgrade", "Connection: keep-alive, Upgrade"),
		"odd case":         edit("Upgrade: websocket\r\nConnection: Upgrade", "uPGRADE: WebSocket\r\ncONNECTION: upGRADE"),
		"two Connections":  edit("Connection: Upgrade", "Connection: keep-alive\r\nConnection: Upgrade"),
		"empty elements":   edit("Connection: Upgrade", "Connection: ,Upgrade,"),
		"several offers":   edit("Upgrade: websocket", "Upgrade: foo/2, websocket"),
		"white space":      edit("Connection: Upgrade", "Connection:\t Upgrade \t"),
		"absolute-form":    edit("/chat", "http://lab/chat?x=1"),
		"own Origin":       edit("Upgrade:", "Origin: http://lab\r\nUpgrade:"),
		"offers":           edit("Upgrade:", "Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\nUpgrade:"),
		"length of nought": edit("Upgrade:", "Content-Length: 0\r\nUpgrade:"),
	}
}

// start runs a backend until the test ends.
func start(t *testing.T, name string) *Server {
	t.Helper()
	s, err := Start(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// say sends raw bytes to a backend and leaves the connection open, for a minute at most.
func say(t *testing.T, s *Server, raw string) (net.Conn, *bufio.Reader) {
	t.Helper()
	conn, err := net.Dial("tcp", s.Addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	if _, err := io.WriteString(conn, raw); err != nil {
		t.Fatal(err)
	}
	return conn, bufio.NewReader(conn)
}

// heed reads one response head.
func heed(t *testing.T, br *bufio.Reader) *http.Response {
	t.Helper()
	p, err := http.ReadResponse(br, nil)
	if err != nil {
		t.Fatalf("read response: %v", err)
	}
	return p
}

// ask sends raw bytes and returns the response.
func ask(t *testing.T, s *Server, raw string) *http.Response {
	t.Helper()
	_, br := say(t, s, raw)
	return heed(t, br)
}
