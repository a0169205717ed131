package lab

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/net/http2"
)

const soundOffer = "GET / HTTP/1.1\r\nHost: lab\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n" +
	"HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n\r\n"

func TestH2CSwitchesOnSoundOffersOnly(t *testing.T) {
	edit := func(old, with string) string { return strings.Replace(soundOffer, old, with, 1) }
	const settings = "HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n"
	offers := []struct {
		name, offer string
		want        int
	}{
		{"sound", soundOffer, 101},
		{"any path", edit("/", "/chat"), 101},
		{"odd case", edit("Upgrade: h2c", "uPGRADE: H2C"), 101},
		{"HTTP/1.0", edit("HTTP/1.1", "HTTP/1.0"), 200},
		{"no option upgrade", edit("Upgrade, ", ""), 200},
		{"no Connection", edit("Connection: Upgrade, HTTP2-Settings\r\n", ""), 200},
		{"settings not in Connection", edit(", HTTP2-Settings", ""), 200},
		{"h2", edit("Upgrade: h2c", "Upgrade: h2"), 200},
		{"xh2c", edit("Upgrade: h2c", "Upgrade: xh2c"), 200},
		{"made-up", edit("Upgrade: h2c", "Upgrade: totally-made-up/1.0"), 200},
		{"no Upgrade", edit("Upgrade: h2c\r\n", ""), 200},
		{"no settings", edit(settings, ""), 400},
		{"two settings", edit(settings, settings+settings), 400},
		{"empty settings", edit("AAMAAABkAAQAoAAAAAIAAAAA", ""), 400},
		{"settings not base64url", edit("AAMAAABkAAQAoAAAAAIAAAAA", "!!!!"), 400},
		{"settings cut", edit("AAMAAABkAAQAoAAAAAIAAAAA", "AAMAAABkAA"), 400},
		{"content", edit("GET / HTTP/1.1\r\n", "POST / HTTP/1.1\r\nContent-Length: 5\r\n") + "hello", 200},
		{"content withheld", edit("Host: lab\r\n", "Host: lab\r\nContent-Length: 5\r\n"), 200},
	}
	for _, name := range []string{"h2c", "sound"} {
		s := start(t, name)
		for _, o := range offers {
			if name == "sound" && o.name == "any path" {
				continue
			}
			t.Run(name+"/"+o.name, func(t *testing.T) {
				if p := ask(t, s, o.offer); p.StatusCode != o.want {
					t.Errorf("got %s %q, want %d", p.Status, p.Header, o.want)
				}
			})
		}
	}
}

func TestH2CServesTheRequestInHTTP2(t *testing.T) {
	conn, br := say(t, start(t, "h2c"), soundOffer)
	if p := heed(t, br); p.Header.Get("Upgrade") != "h2c" || p.Header.Get("Connection") != "Upgrade" {
		t.Errorf("got %q", p.Header)
	}
	_, _ = io.WriteString(conn, http2.ClientPreface)
	if got, want := readStream(t, http2.NewFramer(conn, br)), "points\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestH2CKnowsPriorKnowledge(t *testing.T) {
	s := start(t, "h2c")
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	defer transport.CloseIdleConnections()
	p, err := (&http.Client{Transport: transport}).Get(s.URL + "/api/items")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = p.Body.Close() }()
	if p.ProtoMajor != 2 || p.StatusCode != 200 {
		t.Errorf("got %s %s", p.Proto, p.Status)
	}
	_, _ = io.Copy(io.Discard, p.Body)
}

// readStream sends SETTINGS and returns the content of stream 1, which is the response to the
// upgraded request.
func readStream(t *testing.T, f *http2.Framer) (content string) {
	t.Helper()
	if err := f.WriteSettings(); err != nil {
		t.Fatal(err)
	}
	for {
		frame, err := f.ReadFrame()
		if err != nil {
			t.Fatal(err)
		}
		if data, ok := frame.(*http2.DataFrame); ok && data.StreamID == 1 {
			content += string(data.Data())
			if data.StreamEnded() {
				return content
			}
		}
	}
}
