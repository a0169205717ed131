package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/interlock-proxy/interlock/internal/config"
	"github.com/interlock-proxy/interlock/internal/server"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// A reader is a lenient client: it reports whether it sees a 101 in the bytes.
type reader func(b []byte) bool

// readers returns the three that differ most. One ends a head at the first empty line whatever the
// line endings are, one accepts only CRLF, and one skips every line that is not a status line.
func readers() map[string]reader {
	return map[string]reader{
		"first LF":         func(b []byte) bool { return sees(b, "\n") },
		"CRLF only":        func(b []byte) bool { return sees(b, "\r\n") },
		"next status line": seesAnywhere,
	}
}

// sees reads heads with the given line ending, up to the first final response, and reports whether
// that is a 101.
func sees(b []byte, end string) bool {
	for {
		line, rest, ok := bytes.Cut(b, []byte(end))
		status := statusOf(line)
		if !ok || status == 0 {
			return false
		}
		for {
			if line, rest, ok = bytes.Cut(rest, []byte(end)); !ok {
				return false
			}
			if len(bytes.TrimRight(line, "\r")) == 0 {
				break
			}
		}
		if b = rest; status == 101 || status >= 200 {
			return status == 101
		}
	}
}

func seesAnywhere(b []byte) bool {
	for line := range bytes.SplitSeq(b, []byte("\n")) {
		if status := statusOf(line); status == 101 || status >= 200 {
			return status == 101
		}
	}
	return false
}

// statusOf returns the status in a status line of any version and letter case, or 0 if the line is
// not one.
func statusOf(line []byte) (status int) {
	word, rest, ok := bytes.Cut(bytes.TrimSpace(line), []byte(" "))
	if !ok || len(word) < 5 || !wire.EqualFold(word[:5], "HTTP/") {
		return 0
	}
	if n, err := fmt.Sscanf(string(rest), "%3d", &status); n != 1 || err != nil {
		return 0
	}
	return status
}

// mutations returns interim heads with one change each.
func mutations() []string {
	all := []string{"", "HTTP/1.1 100 C\n\n", "HTTP/2.0 100 C\r\n\r\n", "http/1.1 100 C\r\n\r\n", "HTTP/1.1 100 C\r\n\n", "\x81\x05hello", "\x81\x05hello\r\n"}
	for _, head := range []string{
		"HTTP/1.1 100 C\r\n\r\n",
		"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n",
		"HTTP/1.1 103 E\r\n\r\nHTTP/1.1 100 C\r\n\r\n",
		"HTTP/1.1 102 P\r\nA: b\r\n c\r\nContent-Length: 3\r\n\r\n",
	} {
		all = append(all, head)
		for i := range head {
			all = append(all, head[:i]+head[i+1:], head[:i])
			for _, c := range []string{"\r", "\n", "\r\n", "\x00", " ", ":", "2", "x", "\t", "\xff"} {
				all = append(all, head[:i]+c+head[i:], head[:i]+c+head[i+1:])
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// unsafeSwitches returns 101 responses to a POST handshake, which must not reach a client.
func unsafeSwitches() []string {
	const hasFile = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: HSmrc0sMlYUkAGmm5OPpG2HaGWk=\r\n\r\n"
	return []string{
		"HTTP/1.1 101 Switching Protocols\r\n" + hasFile, "http/1.1 101 S\r\n" + hasFile, "HTTP/1.1 101\r\n" + hasFile, "HTTP/1.1 101 S\r\n\r\n",
		strings.ReplaceAll("HTTP/1.1 101 S\r\n"+hasFile, "\r\n", "\n") + "\r\n\r\n",
	}
}

const unsafeAsk = "POST /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==\r\nSec-WebSocket-Version: 13\r\n\r\n"

// TestNoMutationHidesASwitch puts every mutation of an interim head before a 101 to an invalid
// handshake. If a lenient client sees a 101 in the server's bytes, it must not see one in the bytes
// that the guard passes on, and the audit must have a finding, however the bytes are split.
func TestNoMutationHidesASwitch(t *testing.T) {
	seen := 0
	for _, interim := range mutations() {
		for _, final := range unsafeSwitches() {
			answer := []byte(interim + final)
			for name, read := range readers() {
				if !read(answer) {
					continue
				}
				seen++
				for _, size := range []int{len(answer), 1, len(interim) + 1} {
					through, found := guardedBytes(answer, size)
					for other, read := range readers() {
						if read(through) {
							t.Errorf("%q in pieces of %d: %s sees a 101 in %q", answer, size, other, through)
						}
					}
					if !found {
						t.Errorf("%q in pieces of %d, where %s sees a 101: nothing is found", answer, size, name)
					}
				}
				break
			}
		}
	}
	if seen < 2000 {
		t.Errorf("a 101 is seen in only %d answers", seen)
	}
}

// guardedBytes feeds a response in pieces. It returns the bytes that the guard passes on before it
// closes the connection, and reports whether the audit, which reads everything, has a finding that
// is not a pass.
func guardedBytes(answer []byte, size int) (through []byte, found bool) {
	var talk wire.Conversation
	closed := false
	talk.Open(&wire.Common{Counts: new(wire.Counts), Origin: wire.OriginLive, Emit: func(x *wire.Exchange) {
		r := rules.Classify(rules.Case{X: x})
		found = found || len(r.Broken()) > 0
		if !closed && x.Response != nil && x.Response.Status == 101 && (r.Unsafe || len(x.Noise) > 0) {
			talk.Block(x)
			closed = true
		}
	}})
	now := time.Unix(1, 0)
	talk.Feed(wire.FromClient, []byte(unsafeAsk), now)
	for at := 0; at < len(answer); at += size {
		talk.Feed(wire.FromServer, answer[at:min(at+size, len(answer))], now)
		if !closed {
			if free := talk.Passable(wire.FromServer); int(free) > len(through) {
				through = answer[:free]
			}
			closed = talk.Stopped()
		}
	}
	talk.Ended(wire.FromServer, now)
	talk.Settle(wire.CauseServer, now)
	return through, found
}

// TestGuardStopsWhatItCannotRead sends responses through a relay with the guard on, at once and in
// pieces. None of the three readers sees a 101 in the client's bytes, and the audit has a finding
// for each response.
func TestGuardStopsWhatItCannotRead(t *testing.T) {
	const nameless = "HTTP/1.1 101 S\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: HSmrc0sMlYUkAGmm5OPpG2HaGWk=\r\n\r\n"
	sound := unsafeSwitches()[0]
	for name, c := range map[string]struct{ ask, first, second string }{
		"bare LF":            {unsafeAsk, "HTTP/1.1 100 C\n\n", sound},
		"bare LF, sound":     {strings.Replace(unsafeAsk, "POST", "GET", 1), "HTTP/1.1 100 C\n\n", sound},
		"HTTP/2":             {unsafeAsk, "HTTP/2.0 100 C\r\n\r\n", sound},
		"lower case":         {unsafeAsk, "http/1.1 100 C\r\n\r\n", sound},
		"a bare empty line":  {unsafeAsk, "HTTP/1.1 100 C\r\n\n", sound},
		"no empty line":      {unsafeAsk, "HTTP/1.1 100 C\r\n", sound},
		"frames":             {strings.Replace(unsafeAsk, "POST", "GET", 1), "\x81\x05hello", sound},
		"no Upgrade":         {strings.Replace(unsafeAsk, "POST", "GET", 1), "", nameless},
		"after another head": {strings.Replace(unsafeAsk, "POST", "GET", 1), "HTTP/1.0 200 OK\r\n\r\n", sound},
	} {
		for _, at := range []int{0, 1, len(c.first), len(c.first + c.second)} {
			t.Run(fmt.Sprint(name, " ", at), func(t *testing.T) {
				t.Parallel()
				got, broken := throughTheGuard(t, c.ask, c.first+c.second, at)
				if bytes.Contains(got, []byte(" 101 S")) {
					t.Errorf("the client got %q", got)
				}
				if len(broken) == 0 {
					t.Error("nothing was found")
				}
			})
		}
	}
}

// throughTheGuard has a backend send a response in two pieces. It returns the bytes that the client
// gets and the rules that are broken.
func throughTheGuard(t *testing.T, ask, answer string, at int) (got []byte, broken []string) {
	t.Helper()
	listen := func() net.Listener {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { ln.Close() })
		return ln
	}
	backend, front := listen(), listen()
	c := config.Defaults()
	c.Backend, c.Guard = "http://"+backend.Addr().String(), "unsafe"
	judge := server.NewAudit(c, nil)
	rulings := make(chan []string, 10)
	judge.Each = func(r *rules.Ruling) { rulings <- r.Broken() }
	relay, _, err := server.NewRelay(&c, zerolog.Nop(), judge)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- relay.Serve(ctx, front) }()
	got = exchanged(t, front.Addr().String(), backend, ask, answer, at)
	stop()
	if err := <-served; err != nil {
		t.Error(err)
	}
	close(rulings)
	for b := range rulings {
		broken = append(broken, b...)
	}
	return got, broken
}

// exchanged returns the bytes that a client gets for a request that the backend answers in two
// pieces.
func exchanged(t *testing.T, front string, backend net.Listener, ask, answer string, at int) []byte {
	t.Helper()
	client, err := net.Dial("tcp", front)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	client.SetDeadline(time.Now().Add(time.Minute))
	if _, err := io.WriteString(client, ask); err != nil {
		t.Fatal(err)
	}
	server, err := backend.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	server.SetDeadline(time.Now().Add(time.Minute))
	if _, err := io.ReadFull(server, make([]byte, len(ask))); err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(server, answer[:at])
	_, _ = io.WriteString(server, answer[at:]) // fails if the guard has closed the connection already
	got, err := io.ReadAll(client)
	if err != nil && !errors.Is(err, syscall.ECONNRESET) {
		t.Error(err)
	}
	return got
}
