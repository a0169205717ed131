package lab

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

const offersDeflate = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"

func TestAnswersToSoundRequestsShowTheFault(t *testing.T) {
	offering := func(lines string) string { return strings.Replace(soundHandshake, "Host:", lines+"Host:", 1) }
	udp := "POST /.well-known/masque/udp/192.0.2.6/443/ HTTP/1.1\r\nHost: lab\r\nConnection: Upgrade\r\nUpgrade: connect-udp\r\nCapsule-Protocol: ?1\r\n\r\n"
	for _, each := range []struct {
		backend, request string
		status           int
		field, want      string
	}{
		{"length-in-101", soundHandshake, 101, "Content-Length", "0"},
		{"unoffered-subprotocol", soundHandshake, 101, "Sec-WebSocket-Protocol", "superchat"},
		{"unoffered-extension", soundHandshake, 101, "Sec-WebSocket-Extensions", "permessage-deflate"},
		{"echoes-extensions", soundHandshake, 101, "Sec-WebSocket-Extensions", ""},
		{"echoes-extensions", offering(offersDeflate), 101, "Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits"},
		{"udp-by-post", udp, 101, "Upgrade", "connect-udp"},
		{"any-method", udp, 404, "Upgrade", ""},
		{"page-for-bad-host", strings.Replace(soundHandshake, "Host: lab\r\n", "", 1), 200, "Upgrade", ""},
		{"page-for-bad-host", offering("Host: lab\r\n"), 200, "Upgrade", ""},
		{"page-for-bad-host", strings.Replace(soundHandshake, "Host: lab", "Host: x@lab", 1), 200, "Upgrade", ""},
		{"page-for-bad-host", strings.Replace(soundHandshake, "Version: 13", "Version: 99", 1), 426, "Upgrade", "websocket"},
		{"page-for-bad-host", soundHandshake, 101, "Upgrade", "websocket"},
	} {
		p := ask(t, start(t, each.backend), each.request)
		if p.StatusCode != each.status || p.Header.Get(each.field) != each.want {
			t.Errorf("%s: %q: got %s, %s %q, want %d and %q", each.backend, each.request, p.Status, each.field, p.Header.Get(each.field), each.status, each.want)
		}
	}
}

func TestContentIsLostBehindAnOffer(t *testing.T) {
	s := start(t, "loses-content")
	for offer, want := range map[string]string{"": "hello", "Connection: Upgrade\r\nUpgrade: h2c\r\n": ""} {
		p := ask(t, s, "POST /chat HTTP/1.1\r\nHost: lab\r\n"+offer+"Content-Length: 5\r\n\r\nhello")
		if b, err := io.ReadAll(p.Body); p.StatusCode != http.StatusOK || string(b) != want || err != nil {
			t.Errorf("%q: got %s %q, %v, want %q", offer, p.Status, b, err, want)
		}
	}
}

// TestContentMayBeReadFirst checks that a backend that reads request bodies reads them to the end,
// and sends 100 if the request expects it.
func TestContentMayBeReadFirst(t *testing.T) {
	ping := "\x89\x82\x124Vx" + mask("up")
	for name, framed := range map[string][2]string{
		"length": {"Content-Length: 8\r\n", ping}, "chunks": {"Transfer-Encoding: chunked\r\n", "8\r\n" + ping + "\r\n0\r\n\r\n"},
	} {
		head := strings.Replace(soundHandshake, "Host: lab\r\n", "Host: lab\r\n"+framed[0]+"Expect: 100-continue\r\n", 1)
		conn, br := say(t, start(t, "ambiguous-content"), head)
		if p := heed(t, br); p.StatusCode != http.StatusContinue {
			t.Errorf("%s: got %s, want 100", name, p.Status)
		}
		_, _ = io.WriteString(conn, framed[1])
		if p := heed(t, br); p.StatusCode != http.StatusSwitchingProtocols {
			t.Errorf("%s: got %s, want 101", name, p.Status)
		}
		converse(t, conn, br, []exchanged{{name, "\x89\x82\x124Vx" + mask("ok"), "\x8a\x02ok"}})
	}
}

func TestHTTPIsAnsweredInTheTunnel(t *testing.T) {
	conn, br := say(t, start(t, "answers-in-tunnel"), soundHandshake)
	heed(t, br)
	_, _ = io.WriteString(conn, "GET /api/items HTTP/1.1\r\nHost: lab\r\n\r\n")
	if p := heed(t, br); p.StatusCode != http.StatusOK {
		t.Errorf("got %s, want 200", p.Status)
	}
	conn, br = say(t, start(t, "answers-in-tunnel"), soundHandshake)
	heed(t, br)
	converse(t, conn, br, []exchanged{{"ping", "\x89\x82\x124Vx" + mask("up"), "\x8a\x02up"}})
}

func TestUnmaskedFramesAreTaken(t *testing.T) {
	conn, br := say(t, start(t, "takes-unmasked"), soundHandshake)
	heed(t, br)
	converse(t, conn, br, []exchanged{{"without", "\x81\x02hi", "\x81\x02hi"}, {"with", "\x81\x82\x00\x00\x00\x00hi", "\x81\x02hi"}})
}
