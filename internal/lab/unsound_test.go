package lab

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestUnsoundBackendsHaveOneFault(t *testing.T) {
	composite := start(t, "unsound")
	for _, f := range faults() {
		if slices.Contains([]string{"switches-on-anything", "hangs", "page-for-bad-host", "origin-needed"}, f.name) {
			continue
		}
		s := start(t, f.name)
		for _, m := range malformations() {
			if f.name == "ambiguous-content" && m.name == "content withheld" {
				continue // net/http waits for the body
			}
			want := slices.Contains(strings.Fields(m.passes), f.name)
			p := ask(t, s, m.handshake)
			if switched := p.StatusCode == 101; switched != want || !switched && (p.StatusCode < 400 || p.StatusCode > 499) {
				t.Errorf("%s: %s: got %s, want a 101: %t", f.name, m.name, p.Status, want)
			}
			if f.repair != nil || m.name == "target *" {
				continue // not in the composite, or at another path
			}
			q := ask(t, composite, strings.Replace(m.handshake, "/chat", "/"+f.name, 1))
			if q.StatusCode != p.StatusCode {
				t.Errorf("%s: %s: got %s in the composite, %s alone", f.name, m.name, q.Status, p.Status)
			}
		}
		for name, handshake := range variations() {
			if p := ask(t, s, handshake); p.StatusCode != 101 {
				t.Errorf("%s: %s: got %s, want 101", f.name, name, p.Status)
			}
		}
	}
}

func TestEveryFaultShows(t *testing.T) {
	version := strings.Replace(soundHandshake, "Version: 13", "Version: 99", 1)
	flawless := []string{"101", "websocket", "Upgrade", soundAccept}
	shows := map[string]struct {
		request string
		want    []string // status, Upgrade, Connection, Accept
	}{
		"switches-on-anything": {"GET /chat HTTP/1.0\r\nUpgrade: totally-made-up/1.0\r\n\r\n", []string{"101", "totally-made-up/1.0", "Upgrade", ""}},
		"unoffered-protocol":   {soundHandshake, []string{"101", "foo", "Upgrade", soundAccept}},
		"wrong-accept":         {soundHandshake, []string{"101", "websocket", "Upgrade", acceptFor("another key")}},
		"bare-101":             {soundHandshake, []string{"101", "", "", soundAccept}},
		"unsolicited-101":      {"GET /chat HTTP/1.1\r\nHost: lab\r\n\r\n", []string{"101", "websocket", "Upgrade", acceptFor("")}},
		"http-after-101":       {soundHandshake, flawless},
		"overtakes":            {"GET /interlock-canary HTTP/1.1\r\nHost: lab\r\n\r\n" + soundHandshake, flawless},
		"bare-426":             {version, []string{"426", "", "", ""}},
	}
	for _, name := range []string{ // these have tests of their own
		"hangs", "udp-by-post", "length-in-101", "unoffered-subprotocol", "unoffered-extension", "echoes-extensions", "answers-in-tunnel",
		"takes-unmasked", "page-for-bad-host", "loses-content", "login-beside-upgrade", "login-skipped-by-offer",
	} {
		shows[name] = struct {
			request string
			want    []string
		}{}
	}
	for _, m := range malformations() {
		for _, name := range strings.Fields(m.passes) {
			if _, ok := shows[name]; !ok {
				want := slices.Clone(flawless)
				if name == "no-key" {
					want[3] = acceptFor("")
				}
				if name == "any-key" {
					want[3] = acceptFor("dGhlIHNhbXBsZSBub25jZTE=")
				}
				shows[name] = struct {
					request string
					want    []string
				}{m.handshake, want}
			}
		}
	}
	for _, f := range faults() {
		show, ok := shows[f.name]
		if !ok && !strings.HasPrefix(f.name, "origin-") && !strings.HasPrefix(f.name, "identity-") && !slices.ContainsFunc(frameFaults(), func(g fault) bool { return g.name == f.name }) {
			t.Errorf("%s: no malformation shows this fault", f.name)
		}
		if show.request == "" {
			continue
		}
		p := ask(t, start(t, f.name), show.request)
		got := []string{p.Status[:3], p.Header.Get("Upgrade"), p.Header.Get("Connection"), p.Header.Get("Sec-WebSocket-Accept")}
		if !slices.Equal(got, show.want) {
			t.Errorf("%s: got %q, want %q", f.name, got, show.want)
		}
	}
}

func TestSwitchesOnAnything(t *testing.T) {
	refused := []string{
		"no Upgrade", "http/1.1 in small letters", "target *", "two lengths", "space before colon", "space before name", "no colon", "CR alone",
		"NUL", "folded field", "CL and TE",
	}
	for _, name := range []string{"switches-on-anything", "unsound"} {
		s := start(t, name)
		for _, m := range malformations() {
			p := ask(t, s, m.handshake)
			if want := !slices.Contains(refused, m.name); (p.StatusCode == 101) != want {
				t.Errorf("%s: %s: got %s, want a 101: %t", name, m.name, p.Status, want)
			}
		}
		conn, br := say(t, s, "POST /chat HTTP/1.1\r\nUpgrade: , tcp , x\r\n\r\n")
		if got, want := heed(t, br).Header.Get("Upgrade"), "tcp"; got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
		converse(t, conn, br, []exchanged{{"bytes", "GET /denied", "GET /denied"}, {"more", "\x00\xff", "\x00\xff"}})
	}
}

func TestContentIsReadAsFrames(t *testing.T) {
	ping := "\x89\x82\x124Vx" + mask("up")
	_, br := say(t, start(t, "content-as-frames"),
		strings.Replace(soundHandshake, "Host: lab\r\n", "Host: lab\r\nContent-Length: 8\r\n", 1)+ping)
	heed(t, br)
	got := make([]byte, 4)
	if _, err := io.ReadFull(br, got); err != nil || string(got) != "\x8a\x02up" {
		t.Errorf("got %q, %v, want a pong", got, err)
	}
}

func TestAnHTTPResponseInTheTunnel(t *testing.T) {
	conn, br := say(t, start(t, "http-after-101"), soundHandshake)
	heed(t, br)
	if p := heed(t, br); p.StatusCode != http.StatusOK {
		t.Errorf("got %s", p.Status)
	} else if b, _ := io.ReadAll(p.Body); string(b) != "hello\n" {
		t.Errorf("got %q", b)
	}
	converse(t, conn, br, []exchanged{{"text", "\x81\x82\x00\x00\x00\x00hi", "\x81\x02hi"}})
}

func TestHangs(t *testing.T) {
	s := start(t, "hangs")
	for _, raw := range []string{soundHandshake, "POST /echo HTTP/1.0\r\nUpgrade: x\r\n\r\n"} {
		conn, br := say(t, s, raw)
		_ = conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		if b, err := br.Peek(1); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%q: got %q, %v, want silence", raw, b, err)
		}
	}
	if p := ask(t, s, "GET /chat HTTP/1.1\r\nHost: lab\r\n\r\n"); p.StatusCode != 426 {
		t.Errorf("got %s, want 426", p.Status)
	}
}

func TestABare426SaysNothing(t *testing.T) {
	_, br := say(t, start(t, "bare-426"), strings.Replace(soundHandshake, "Version: 13", "Version: 99", 1))
	head, err := readText(br)
	if want := "HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\n\r\n"; head != want || err != nil {
		t.Errorf("got %q, %v, want %q", head, err, want)
	}
}

// readText reads to the end of a head.
func readText(br *bufio.Reader) (text string, err error) {
	for !strings.HasSuffix(text, "\r\n\r\n") && err == nil {
		var line string
		line, err = br.ReadString('\n')
		text += line
	}
	return text, err
}
