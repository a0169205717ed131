package proxy

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"net"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/wire"
)

// onlyGet rejects a switch unless the method of the request is GET.
func onlyGet(x *wire.Exchange) error {
	if x.Request.Method != "GET" {
		return errors.New("UPGRADE-POST")
	}
	return nil
}

func guarded(t *testing.T, driver func(*Relay), guard func(*wire.Exchange) error) *relayed {
	return relay(t, func(r *Relay) {
		driver(r)
		r.Backend.Guard = guard
	})
}

// onBothDrivers runs a test with event loops and with goroutines.
func onBothDrivers(t *testing.T, test func(t *testing.T, driver func(*Relay))) {
	for name, driver := range map[string]func(*Relay){
		"event loop": func(*Relay) {}, "goroutines": func(r *Relay) { r.hooks.goroutines = true },
	} {
		t.Run(name, func(t *testing.T) { test(t, driver) })
	}
}

// TestGuardChangesNothingThatItLetsThrough plays the corpus with a guard that accepts everything.
// Every readable transcript passes byte for byte, however it is split.
func TestGuardChangesNothingThatItLetsThrough(t *testing.T) {
	all := map[string]func(*Relay){"event loop": func(*Relay) {}}
	maps.Copy(all, drivers)
	played := 0
	for name, transcript := range readCorpus(t) {
		if transcript.Chunks[0].From != wire.FromClient || !readable(transcript) {
			continue
		}
		played++
		t.Run(filepath.Base(filepath.Dir(name))+"/"+filepath.Base(name), func(t *testing.T) {
			for _, split := range []string{"whole", "bytes"} {
				want := playThrough(t, transcript, split, "client closes")
				for name, driver := range all {
					r := guarded(t, driver, func(*wire.Exchange) error { return nil })
					if got := playOn(t, r, r.dial(), func() end { return r.accept() }, transcript, split, "client closes"); got != want {
						t.Errorf("%s, %s: reported\n%s\nand without the guard\n%s", split, name, got, want)
					}
				}
			}
		})
	}
	if played < 300 {
		t.Errorf("only %d transcripts can be read", played)
	}
}

// readable reports whether the guard can parse a transcript to its end and no side speaks out of
// turn. The guard holds back bytes that a client sends before its offer is answered, so such a
// transcript would stall.
func readable(transcript *wire.Transcript) bool {
	var c wire.Conversation
	known := true
	c.Open(&wire.Common{Counts: new(wire.Counts), Emit: func(x *wire.Exchange) { known = known && !x.After.Opaque }})
	fed := [2]int64{}
	for _, chunk := range transcript.Chunks {
		for i := range chunk.Bytes {
			c.Feed(chunk.From, chunk.Bytes[i:i+1], time.Unix(1, 0))
		}
		fed[chunk.From] += int64(len(chunk.Bytes))
		if !known || c.Unreadable() || c.Passable(chunk.From) != fed[chunk.From] {
			return false
		}
	}
	return true
}

func TestUnsafeSwitchIsBlocked(t *testing.T) {
	onBothDrivers(t, func(t *testing.T, driver func(*Relay)) {
		for split, cut := range splits {
			r := guarded(t, driver, onlyGet)
			client := r.dial()
			const first = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n"
			post := strings.Replace(handshake, "GET", "POST", 1)
			send(t, client, first+post+"smuggled")
			backend := r.accept()
			expect(t, backend, first+post)
			written := make(chan error, 1)
			go func() {
				written <- writeIn(backend, []byte("HTTP/1.1 100 Continue\r\n\r\n"+answer+"HTTP/1.1x 101 Well\r\nUpgrade: websocket\r\n\r\nframes"), cut())
			}()
			got, err := io.ReadAll(client)
			if want := "HTTP/1.1 100 Continue\r\n\r\n" + answer + "HTTP/1.1 502 "; err != nil || !strings.HasPrefix(string(got), want) || bytes.Contains(got, []byte("101")) || bytes.Contains(got, []byte("frames")) {
				t.Errorf("%s: the client got %q, %v", split, got, err)
			}
			client.Close()
			if rest, _ := io.ReadAll(backend); len(rest) > 0 {
				t.Errorf("%s: the backend got %q after the request that it accepted", split, rest)
			}
			<-written
			backend.Close()
			r.end()
			var last *wire.Exchange
			for _, x := range r.all() {
				if x.Request.Method == "POST" {
					last = x
				}
			}
			if last == nil || !last.Blocked || last.Response.Status != 101 || !last.Final || last.Cause != wire.CauseBlocked {
				t.Errorf("%s: reported %+v", split, last)
			}
		}
	})
}

func TestNothingIsSmuggledAfterAnOffer(t *testing.T) {
	onBothDrivers(t, func(t *testing.T, driver func(*Relay)) {
		r := guarded(t, driver, onlyGet)
		client := r.dial()
		const behind = "GET /denied HTTP/1.1\r\nHost: a\r\n\r\n"
		send(t, client, handshake+behind)
		backend := r.accept()
		expect(t, backend, handshake)
		const refusal = "HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\n\r\n"
		send(t, backend, refusal[:30])
		send(t, backend, refusal[30:])
		expect(t, client, refusal)
		expect(t, backend, behind) // forwarded as a request, because the server rejected the upgrade
		send(t, backend, answer)
		expect(t, client, answer)
		send(t, client, handshake+"early")
		expect(t, backend, handshake)
		send(t, backend, switching)
		expect(t, client, switching)
		expect(t, backend, "early") // forwarded as tunnel data, because the server accepted the upgrade
		send(t, backend, "and back")
		expect(t, client, "and back")
		client.CloseWrite()
		expectEnd(t, backend, "")
		backend.Close()
		expectEnd(t, client, "")
	})
}

// TestFramesAfterAnOfferWait checks that bytes that are not HTTP are held back after an offer, as
// requests are. They go into the tunnel if the server switches; otherwise they are dropped.
func TestFramesAfterAnOfferWait(t *testing.T) {
	onBothDrivers(t, func(t *testing.T, driver func(*Relay)) {
		const frame = "\x89\x82\x12\x34\x56\x78gD"
		for _, refusal := range []string{"", "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"} {
			r := guarded(t, driver, onlyGet)
			client := r.dial()
			send(t, client, handshake+frame)
			backend := r.accept()
			expect(t, backend, handshake)
			if refusal == "" {
				send(t, backend, switching)
				expect(t, client, switching)
				expect(t, backend, frame)
				continue
			}
			send(t, backend, refusal)
			expect(t, client, refusal)
			if got, err := io.ReadAll(client); err != nil || !bytes.Contains(got, []byte("cannot be read")) {
				t.Errorf("after the rejection the client got %q, %v", got, err)
			}
			if got, _ := io.ReadAll(backend); len(got) > 0 {
				t.Errorf("the backend got %q", got)
			}
		}
	})
}

func TestWhatCannotBeReadIsBlocked(t *testing.T) {
	onBothDrivers(t, func(t *testing.T, driver func(*Relay)) {
		for name, sent := range map[string]string{
			"two framings": "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
			"no http":      "\x16\x03\x01\x00\x05hello",
		} {
			r := guarded(t, driver, onlyGet)
			client := r.dial()
			send(t, client, sent)
			backend := r.accept()
			got, err := io.ReadAll(client)
			if err != nil || !strings.HasPrefix(string(got), "HTTP/1.1 400 ") {
				t.Errorf("%s: the client got %q, %v", name, got, err)
			}
			if got, _ := io.ReadAll(backend); len(got) > 0 {
				t.Errorf("%s: the backend got %q", name, got)
			}
		}
	})
}

func TestAnswerToNothingIsBlocked(t *testing.T) {
	onBothDrivers(t, func(t *testing.T, driver func(*Relay)) {
		r := guarded(t, driver, onlyGet)
		client, backend := r.connected()
		send(t, backend, switching+"frames")
		got, err := io.ReadAll(client)
		if err != nil || bytes.Contains(got, []byte("101")) || !strings.HasPrefix(string(got), "HTTP/1.1 502 ") {
			t.Errorf("got %q, %v", got, err)
		}
	})
}

// TestFaultAfterTheSwitchCutsTheTunnel checks that a fault that becomes visible only after the
// switch ends the tunnel.
func TestFaultAfterTheSwitchCutsTheTunnel(t *testing.T) {
	onBothDrivers(t, func(t *testing.T, driver func(*Relay)) {
		r := guarded(t, driver, func(x *wire.Exchange) error {
			if x.Complete && bytes.HasPrefix(x.After.Server, []byte("HTTP/")) {
				return errors.New("UPGRADE-101-NOT-SWITCHED")
			}
			return nil
		})
		client, backend := r.switchedOver()
		send(t, backend, "HTTP/1.1 200 OK\r\n\r\n")
		io.ReadAll(client)
		io.ReadAll(backend)
		r.end()
		if x := r.all(); len(x) != 1 || !x[0].Blocked || !x[0].Final {
			t.Errorf("reported %+v", x[0])
		}
	})
}

// TestGuardedPeersThatLeave checks that a waiting peer is released when the other side leaves.
func TestGuardedPeersThatLeave(t *testing.T) {
	onBothDrivers(t, func(t *testing.T, driver func(*Relay)) {
		for name, leave := range map[string]func(client, backend *net.TCPConn){
			"backend closes": func(_, backend *net.TCPConn) { backend.Close() },
			"backend resets": func(_, backend *net.TCPConn) { backend.SetLinger(0); backend.Close() },
		} {
			r := guarded(t, driver, onlyGet)
			client := r.dial()
			send(t, client, handshake+"held")
			backend := r.accept()
			expect(t, backend, handshake)
			leave(client, backend)
			if got, _ := io.ReadAll(client); len(got) > 0 {
				t.Errorf("%s: got %q", name, got)
			}
			client.Close()
			r.end()
		}
	})
}

// TestUnsafeSwitchIsFoundWhereverItStands checks that no byte of an unsafe switch, or after it,
// reaches the client. The switch follows pipelined requests whose bodies or responses look like a
// switch. Its status line is written in several ways, and it is split at every byte.
func TestUnsafeSwitchIsFoundWhereverItStands(t *testing.T) {
	onBothDrivers(t, func(t *testing.T, driver func(*Relay)) {
		post := strings.Replace(handshake, "GET", "POST", 1)
		const looksLikeOne = "HTTP/1.1 1Ol Switching Protocols\r\n\r\n"
		sound := strings.Replace(switching, "HTTP/1.1 101 Switching Protocols", "%s", 1)
		for name, each := range map[string]struct {
			before, answered string // pipelined requests, and the client's responses to them
			status           string // the status line of the switch, with its line ending
		}{
			"first":                   {"", "", "HTTP/1.1 101 Switching Protocols"},
			"after content":           {"PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 36\r\n\r\n" + looksLikeOne, answer, "HTTP/1.1 101 Switching Protocols"},
			"after chunks":            {"PUT /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n24\r\n" + looksLikeOne + "\r\n0\r\n\r\n", answer, "HTTP/1.1 101 Switching Protocols"},
			"after an answer's":       {plain, "HTTP/1.1 200 OK\r\nContent-Length: 36\r\n\r\n" + looksLikeOne, "HTTP/1.1 101 Switching Protocols"},
			"after an answer's chunk": {plain, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n24\r\n" + looksLikeOne + "\r\n0\r\n\r\n", "HTTP/1.1 101 Switching Protocols"},
			"after no content":        {"HEAD /a HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 36\r\n\r\n", "HTTP/1.1 101 Switching Protocols"},
			"after interim answers":   {"", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n", "HTTP/1.1 101 Switching Protocols"},
			"without a reason":        {"", "", "HTTP/1.1 101"},
			"two spaces":              {"", "", "HTTP/1.1  101 Switching Protocols"},
			"a tab":                   {"", "", "HTTP/1.1\t101 Switching Protocols"},
			"an empty line in front":  {"", "", "\r\nHTTP/1.1 101 Switching Protocols"},
			"a bare LF in front":      {"", "", "\nHTTP/1.1 101 Switching Protocols"},
			"a space in front":        {"", "", " HTTP/1.1 101 Switching Protocols"},
			"a version in lower case": {"", "", "http/1.1 101 Switching Protocols"},
			"an old version":          {"", "", "HTTP/1.0 101 Switching Protocols"},
			"another version":         {"", "", "HTTP/2 101 Switching Protocols"},
			"a digit too many":        {"", "", "HTTP/1.1 0101 Switching Protocols"},
			"no version":              {"", "", "101 Switching Protocols"},
			"another protocol":        {"", "", "ICY 101 Switching Protocols"},
			"a control byte":          {"", "", "HTTP/1.1 101\x00Switching Protocols"},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				head := strings.Replace(sound, "%s", each.status, 1)
				for at := 1; at <= len(head); at++ {
					withheld(t, driver, each.before+post, each.answered, head[:at], head[at:]+"frames")
				}
			})
		}
	})
}

// withheld has the backend send may, which the client receives, and an unsafe switch in two pieces,
// which must not reach the client.
func withheld(t *testing.T, driver func(*Relay), requests, may, first, second string) {
	t.Helper()
	r := guarded(t, driver, onlyGet)
	client := r.dial()
	send(t, client, requests+"smuggled")
	backend := r.accept()
	expect(t, backend, requests)
	send(t, backend, may+first)
	expect(t, client, may)                 // so that the pieces arrive separately
	_, _ = io.WriteString(backend, second) // fails if the relay has closed the connection already
	got, err := io.ReadAll(client)
	if err != nil && !errors.Is(err, syscall.ECONNRESET) {
		t.Error(err)
	}
	if bytes.Contains(got, []byte("101")) || bytes.Contains(got, []byte("witching")) || bytes.Contains(got, []byte("frames")) {
		t.Errorf("%q, %q: the client got %q", first, second, got)
	}
	client.Close()
	if rest, _ := io.ReadAll(backend); len(rest) > 0 {
		t.Errorf("%q: the backend got %q after the request that it accepted", first, rest)
	}
	backend.Close()
	r.end()
}
