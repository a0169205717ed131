package proxy

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/interlock-proxy/interlock/wire"
)

// A speaker writes frames of HTTP/2.
type speaker struct {
	*http2.Framer
	bytes.Buffer
	block   bytes.Buffer
	encoder *hpack.Encoder
}

func newSpeaker() *speaker {
	s := new(speaker)
	s.Framer, s.encoder = http2.NewFramer(&s.Buffer, nil), hpack.NewEncoder(&s.block)
	return s
}

// head is a field block of such lines.
func (s *speaker) head(stream uint32, lines ...string) {
	s.block.Reset()
	for _, line := range lines {
		name, value, _ := strings.Cut(line, " ")
		_ = s.encoder.WriteField(hpack.HeaderField{Name: name, Value: value})
	}
	_ = s.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: s.block.Bytes(), EndHeaders: true})
}

// connect is an extended CONNECT for a WebSocket at a path.
func (s *speaker) connect(stream uint32, path string) {
	s.head(stream, ":method CONNECT", ":protocol websocket", ":scheme https", ":path "+path, ":authority localhost", "sec-websocket-version 13")
}

// said is what was written since the last call.
func (s *speaker) said() string {
	said := s.String()
	s.Reset()
	return said
}

// notBad objects to switches at a path, and to bytes in a tunnel that look like a response.
func notBad(x *wire.Exchange) error {
	path, _ := x.Request.Value(":path")
	if path == "/bad" || bytes.HasPrefix(x.After.Server, []byte("HTTP/1.1")) {
		return errors.New("BAD")
	}
	return nil
}

// TestGuardEndsConnectionsOfHTTP2 checks that a connection of HTTP/2 ends at a switch that the guard rejects, or at
// what follows it. The client gets the bytes before it and none of it.
func TestGuardEndsConnectionsOfHTTP2(t *testing.T) {
	a := newAuthority(t)
	for driver, open := range map[string]func(*testing.T) (r *relayed, client, backend func() end){
		"event loop": func(t *testing.T) (*relayed, func() end, func() end) {
			r := guarded(t, func(*Relay) {}, notBad)
			return r, func() end { return r.dial() }, func() end { return r.accept() }
		},
		"goroutines": func(t *testing.T) (*relayed, func() end, func() end) {
			r := guarded(t, func(r *Relay) { r.hooks.goroutines = true }, notBad)
			return r, func() end { return r.dial() }, func() end { return r.accept() }
		},
		"TLS": func(t *testing.T) (*relayed, func() end, func() end) {
			r := a.audited(t, func(r *Relay) { r.Backend.Guard = notBad })
			var s *tls.Conn
			return r, func() end {
				var c *tls.Conn
				c, s, _ = r.shake(a.browser(), &tls.Config{Certificates: []tls.Certificate{a.issue(t)}, NextProtos: []string{"h2"}})
				return c
			}, func() end { return s }
		},
	} {
		for how, path := range map[string]string{"at the head": "/bad", "after it": "/late"} {
			t.Run(driver+" "+how, func(t *testing.T) {
				r, dial, accept := open(t)
				client := dial()
				up, down := newSpeaker(), newSpeaker()
				up.WriteString(http2.ClientPreface)
				_ = up.WriteSettings()
				up.connect(1, "/chat")
				first := up.said()
				send(t, client, first)
				backend := accept()
				expect(t, backend, first)
				down.WriteString(http2Settings)
				down.head(1, ":status 200")
				_ = down.WriteData(1, false, []byte("\x81\x02hi"))
				first = down.said()
				send(t, backend, first)
				expect(t, client, first)
				up.connect(3, path)
				first = up.said()
				send(t, client, first)
				expect(t, backend, first)
				down.head(3, ":status 200")
				if path == "/late" {
					head := down.said()
					send(t, backend, head)
					expect(t, client, head)
					_ = up.WriteData(3, false, bytes.Repeat([]byte("\x81\x80abcd"), wire.MaxRecorded/6+1))
					first = up.said()
					send(t, client, first)
					expect(t, backend, first)
					_ = down.WriteData(3, false, []byte("HTTP/1.1 200 OK\r\n\r\n"+strings.Repeat("x", wire.MaxRecorded)))
				}
				send(t, backend, down.said())
				expectEnd(t, client, "")
				client.Close()
				if _, err := io.ReadAll(backend); err != nil && !errors.Is(err, net.ErrClosed) && !isReset(err) && !errors.Is(err, io.ErrUnexpectedEOF) {
					t.Errorf("the backend got %v", err)
				}
				backend.Close()
				r.end()
				all := r.all()
				if len(all) != 2 {
					t.Fatalf("%d exchanges", len(all))
				}
				for i, blocked := range []bool{false, true} {
					if x := all[i]; x.Blocked != blocked || x.Outcome != wire.Switched || x.Cause != wire.CauseBlocked || !x.Final {
						t.Errorf("exchange %d: blocked %t, %s, cause %q, final %t", i, x.Blocked, x.Outcome, x.Cause, x.Final)
					}
				}
			})
		}
	}
}

func isReset(err error) bool { return strings.Contains(err.Error(), "reset") }

// TestGuardEndsHTTP2ThatCannotBeRead sends a frame that breaks the connection.
func TestGuardEndsHTTP2ThatCannotBeRead(t *testing.T) {
	onBothDrivers(t, func(t *testing.T, driver func(*Relay)) {
		r := guarded(t, driver, notBad)
		client := r.dial()
		const broken = "\x00\x00\x05\x04\x00\x00\x00\x00\x00abcde" // SETTINGS of five bytes
		send(t, client, http2.ClientPreface+http2Settings)
		backend := r.accept()
		expect(t, backend, http2.ClientPreface+http2Settings)
		send(t, backend, broken)
		expectEnd(t, client, "")
		client.Close()
		r.end()
		if n := r.Counts.Opaque.Load(); n != 1 {
			t.Errorf("%d connections could not be read", n)
		}
	})
}

// TestServeEndsWithHTTP2Open ends a relay with two connections of HTTP/2. The idle one is closed at once. The one with
// a tunnel goes on until both sides have ended the stream.
func TestServeEndsWithHTTP2Open(t *testing.T) {
	onBothDrivers(t, func(t *testing.T, driver func(*Relay)) {
		r := relay(t, driver)
		begin := func(idle bool) (client, backend net.Conn, up, down *speaker) {
			up, down = newSpeaker(), newSpeaker()
			up.WriteString(http2.ClientPreface)
			_ = up.WriteSettings()
			if !idle {
				up.connect(1, "/chat")
			}
			client = r.dial()
			first := up.said()
			send(t, client, first)
			backend = r.accept()
			expect(t, backend, first)
			down.WriteString(http2Settings)
			if !idle {
				down.head(1, ":status 200")
			}
			first = down.said()
			send(t, backend, first)
			expect(t, client, first)
			return client, backend, up, down
		}
		idle, far, _, _ := begin(true)
		client, backend, up, down := begin(false)
		r.stop()
		expectEnd(t, idle, "")
		idle.Close()
		expectEnd(t, far, "")
		far.Close()
		for _, last := range []bool{false, true} {
			_ = up.WriteData(1, last, []byte("\x81\x80abcd"))
			_ = down.WriteData(1, last, []byte("\x81\x02hi"))
			sent := up.said()
			send(t, client, sent)
			expect(t, backend, sent)
			sent = down.said()
			send(t, backend, sent)
			expect(t, client, sent)
		}
		expectEnd(t, client, "")
		client.Close()
		backend.Close()
		r.end()
		if x := r.all(); len(x) != 1 || x[0].Cause != wire.CauseClient || !x[0].Final {
			t.Errorf("got %+v", x)
		}
	})
}

// TestStreamsAreNotAltered: a Host header is rewritten in HTTP/1.1 alone, and streams of HTTP/2 do not say
// that it was.
func TestStreamsAreNotAltered(t *testing.T) {
	onBothDrivers(t, func(t *testing.T, driver func(*Relay)) {
		r := relay(t, func(r *Relay) { driver(r); r.Backend.Host = "backend.internal" })
		client := r.dial()
		up, down := newSpeaker(), newSpeaker()
		up.WriteString(http2.ClientPreface)
		_ = up.WriteSettings()
		up.connect(1, "/chat")
		first := up.said()
		send(t, client, first)
		backend := r.accept()
		expect(t, backend, first)
		down.WriteString(http2Settings)
		down.head(1, ":status 403")
		first = down.said()
		send(t, backend, first)
		expect(t, client, first)
		client.Close()
		backend.Close()
		found := r.await("the end of the stream", func(f []*wire.Exchange) bool { return len(f) == 1 && f[0].Final })
		if x := found[0]; len(x.Altered) > 0 || x.Far != nil {
			t.Errorf("altered %q, far %v", x.Altered, x.Far)
		}
	})
}
