package lab

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"
)

func TestNamesAreUniqueAndFound(t *testing.T) {
	seen := map[string]bool{}
	for _, b := range Backends() {
		ways := 0
		for _, is := range []bool{b.site != nil, b.routes != nil, b.other != nil, b.talk != nil} {
			if is {
				ways++
			}
		}
		if seen[b.Name] || b.About == "" || len(b.Paths) == 0 || ways != 1 {
			t.Errorf("backend %+v", b)
		}
		seen[b.Name] = true
		if f, err := Find(b.Name); err != nil || f.Name != b.Name {
			t.Errorf("got %q, %v, want %q", f.Name, err, b.Name)
		}
	}
	for name := range failing() {
		if !seen[name] {
			t.Errorf("%s is caught and does not exist", name)
		}
	}
	if _, err := Start("no such"); err == nil || !strings.Contains(err.Error(), `"no such"`) {
		t.Errorf("got %v, want an error that names it", err)
	}
	if _, err := Listen("gorilla", "no address"); err == nil {
		t.Error("got a server at no address")
	}
}

// TestProbesCatchEveryFault checks that every faulty backend lists probes that catch it, and that
// correct backends list none.
func TestProbesCatchEveryFault(t *testing.T) {
	for _, b := range Backends() {
		if caught := len(b.Caught)+len(b.Warned) > 0; caught == (b.Sound || b.Hostile) {
			t.Errorf("%s: sound %t, hostile %t, caught by %q, warned of by %q", b.Name, b.Sound, b.Hostile, b.Caught, b.Warned)
		}
		for _, id := range b.Warned {
			if slices.Contains(b.Caught, id) {
				t.Errorf("%s: %s both fails and is warned of", b.Name, id)
			}
		}
	}
}

func TestCloseLeavesNothingAlive(t *testing.T) {
	for _, b := range Backends() {
		before := goleak.IgnoreCurrent()
		s, err := Start(b.Name)
		if err != nil {
			t.Fatal(err)
		}
		var conns []net.Conn
		for _, raw := range []string{soundHandshake, soundOffer, "GET /chat HTT", "GET / HTTP/1.1\r\nHost: lab\r\n\r\n", ""} {
			conn, err := net.Dial("tcp", s.Addr)
			if err != nil {
				t.Fatal(err)
			}
			conns = append(conns, conn)
			_, _ = io.WriteString(conn, raw)
			if strings.HasSuffix(raw, "\r\n\r\n") && !b.Hostile {
				_, _ = http.ReadResponse(bufio.NewReader(conn), nil)
			}
		}
		var closers sync.WaitGroup
		closers.Go(s.Close)
		s.Close()
		closers.Wait()
		if err := goleak.Find(before); err != nil {
			t.Errorf("%s: %v", b.Name, err)
		}
		for _, conn := range conns {
			_, _ = io.Copy(io.Discard, conn)
			_ = conn.Close()
		}
		if conn, err := net.Dial("tcp", s.Addr); err == nil {
			t.Errorf("%s: still listens", b.Name)
			_ = conn.Close()
		}
	}
}

func TestHeadsAreBounded(t *testing.T) {
	for _, name := range []string{"gorilla", "any-method"} {
		s := start(t, name)
		for _, raw := range []string{
			"GET /" + strings.Repeat("x", 2*maxHead),
			"GET / HTTP/1.1\r\n" + strings.Repeat("X: "+strings.Repeat("x", 1000)+"\r\n", 100) + "\r\n",
		} {
			p := ask(t, s, raw)
			if p.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
				t.Errorf("%s: got %s, want 431", name, p.Status)
			}
		}
	}
}

func FuzzReadHead(f *testing.F) {
	for _, m := range malformations() {
		f.Add(m.handshake)
	}
	f.Add(soundHandshake)
	f.Add("\r\nGET http://lab/x HTTP/1.1\r\nHost: lab\r\n\r\n")
	f.Fuzz(func(t *testing.T, raw string) {
		br := bufio.NewReaderSize(strings.NewReader(raw), maxHead)
		r, err := readHead(br, nil)
		if err != nil {
			return
		}
		rest, _ := io.ReadAll(br)
		if !strings.HasSuffix(strings.TrimSuffix(raw, string(rest)), "\r\n\r\n") {
			t.Errorf("head of %q ends before %q", raw, rest)
		}
		if refuse(r, 0) == nil {
			sound, err := http.ReadRequest(bufio.NewReader(strings.NewReader(raw)))
			if err != nil || refuse(sound, 0) != nil {
				t.Errorf("%q is sound here and not to net/http: %v", raw, err)
			}
		}
	})
}
