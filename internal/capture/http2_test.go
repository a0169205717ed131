package capture

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/wire"
)

// overHTTP2 are the transcripts of streams of the rulebook as connections of HTTP/2, by name: those about an
// upgrade, as no other stream is an exchange without its probe.
func overHTTP2(t testing.TB) map[string]*wire.Transcript {
	t.Helper()
	all := map[string]*wire.Transcript{}
	for name, transcript := range transcripts(t) {
		if framed := transcript.HTTP2(); framed != nil {
			framed.Meta = nil
			for i := range framed.Chunks {
				framed.Chunks[i].Idle = 0
			}
			if len(framed.Exchanges(wire.Common{})) > 0 {
				all[name] = framed
			}
		}
	}
	if len(all) < 20 {
		t.Fatalf("only %d", len(all))
	}
	return all
}

// TestCapturesOfHTTP2TellTheSame writes connections of HTTP/2 as captures, in every way that packets can come
// in without a byte being lost, and wants the exchanges that a proxy sees.
func TestCapturesOfHTTP2TellTheSame(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	ways := map[string]func([]segment) []segment{
		"in order":     func(all []segment) []segment { return all },
		"twice each":   func(all []segment) []segment { return slices.Concat(pairs(all)...) },
		"out of order": func(all []segment) []segment { return shuffled(all, random, 3) },
		"overlapping":  overlapping,
		"without acks": func(all []segment) []segment { return slices.DeleteFunc(slices.Clone(all), bare) },
	}
	for name, transcript := range overHTTP2(t) {
		for way, change := range ways {
			timeless := way == "out of order"
			want := same(transcript.Exchanges(wire.Common{}), timeless)
			for _, most := range []int{1 << 15, 23} {
				s := play(transcript, 0xffffff00, most)
				found, report := read(t, ethernet.pcap(t, change(s.segments)))
				if got := same(found, timeless); got != want {
					t.Fatalf("%s, %s, %d bytes each: got %s, want %s; %+v", name, way, most, got, want, report)
				}
				if report.Lost+report.Midway+report.Opaque > 0 || report.Connections != 1 || len(found) != 1 || found[0].Stream == nil {
					t.Errorf("%s, %s: %+v", name, way, report)
				}
			}
		}
	}
}

// TestHTTP2WithoutItsBeginning reads captures that begin after the preface: what is left of the connection
// cannot be read, and the report says so.
func TestHTTP2WithoutItsBeginning(t *testing.T) {
	s := play(overHTTP2(t)["UPGRADE-H2-NOT-A-TUNNEL/tunnel.wire"], 1, 1<<15)
	const began = 7 // after the handshake, the preface, both SETTINGS, and what acknowledges them
	found, report := read(t, ethernet.pcap(t, s.segments[began:]))
	want := "1 connection had begun before the capture, 1 of them shows no request, 1 of these is HTTP/2, which can be read only from the beginning of the connection"
	if notes := strings.Join(report.Notes(), ", "); len(found) != 0 || notes != want || report.MidHTTP2 != 1 {
		t.Errorf("got %q, %d exchanges", notes, len(found))
	}
}

// TestHTTP2WithLostSegments leaves out each packet in turn. What is said about the rest must be what is said
// about the whole, or that it cannot be told.
func TestHTTP2WithLostSegments(t *testing.T) {
	lost := int64(0)
	for name, transcript := range overHTTP2(t) {
		known := map[string]bool{}
		for _, x := range transcript.Exchanges(wire.Common{}) {
			known[heads(x)] = true
		}
		s := play(transcript, 77, 40)
		for i, g := range s.segments {
			if g.rst {
				continue
			}
			found, report := read(t, ethernet.pcap(t, slices.Delete(slices.Clone(s.segments), i, i+1)))
			lost += report.Lost
			for _, x := range found {
				if (x.Response != nil || len(g.payload) > 0 && x.Outcome != wire.Opaque) && !known[heads(x)] {
					t.Errorf("%s without packet %d: %s %s", name, i, x.Outcome, heads(x))
				}
			}
		}
	}
	if lost < 100 {
		t.Errorf("only %d losses were noticed", lost)
	}
}

// TestHAROfHTTP2 reads entries of HTTP/2 as several programs write them.
func TestHAROfHTTP2(t *testing.T) {
	header := func(pairs ...string) string {
		var all []string
		for i := 0; i < len(pairs); i += 2 {
			all = append(all, fmt.Sprintf(`{"name":%q,"value":%q}`, pairs[i], pairs[i+1]))
		}
		return "[" + strings.Join(all, ",") + "]"
	}
	connect := header(":method", "CONNECT", ":authority", "chat.test", ":scheme", "https", ":path", "/ws", ":protocol", "websocket",
		"sec-websocket-version", "13", "origin", "https://chat.test")
	for name, each := range map[string]struct {
		entry string
		want  string // outcome, request, lossy
		notes string
	}{
		"pseudo-headers": {
			`{"_resourceType":"websocket","request":{"method":"GET","url":"wss://chat.test/ws","httpVersion":"h2","headers":` + connect + `},"response":{"status":200,"httpVersion":"h2","headers":` + header("server", "x") + `}}`,
			`switched CONNECT /ws ["bytes" "aftermath"]`, "",
		},
		"refused": {
			`{"request":{"method":"CONNECT","url":"https://chat.test/ws","httpVersion":"http/2.0","headers":` + connect + `},"response":{"status":403,"httpVersion":"http/2.0","headers":` + header(":status", "403") + `}}`,
			`refused CONNECT /ws ["bytes"]`, "",
		},
		"as HTTP/1.1": {
			`{"request":{"method":"GET","url":"wss://chat.test/ws","httpVersion":"HTTP/2","headers":` +
				header("Host", "chat.test", "Connection", "keep-alive, Upgrade", "Upgrade", "websocket", "Sec-WebSocket-Key", "x3JJHMbDL1EzLkh9GBhXDw==", "Sec-WebSocket-Version", "13", "Origin", "https://chat.test") +
				`},"response":{"status":200,"httpVersion":"HTTP/2","headers":` + header("server", "x") + `}}`,
			`switched CONNECT /ws ["bytes" "request fields" "aftermath"]`, "",
		},
		"a tunnel as HTTP/1.1": {
			`{"request":{"method":"GET","url":"wss://chat.test/ws","httpVersion":"HTTP/2","headers":` + header("Upgrade", "websocket") + `},"response":{"status":101,"httpVersion":"HTTP/2","headers":[]}}`,
			"", "1 WebSocket connection is recorded without the headers of its handshake",
		},
		"no upgrade": {
			`{"request":{"method":"GET","url":"https://chat.test/","httpVersion":"h2","headers":` + header(":method", "GET", "connection", "keep-alive") + `},"response":{"status":200,"httpVersion":"h2","headers":[]}}`,
			`ignored GET  ["bytes" "response fields"]`, "",
		},
		"426":    {`{"request":{"method":"GET","url":"https://chat.test/a","httpVersion":"h2","headers":[]},"response":{"status":426,"httpVersion":"h2","headers":` + header("upgrade", "websocket") + `}}`, `refused GET /a ["bytes" "request fields"]`, ""},
		"HTTP/3": {`{"request":{"method":"GET","url":"https://chat.test/","httpVersion":"h3","headers":[]},"response":{"status":200,"httpVersion":"h3","headers":[]}}`, "", "1 entry is HTTP/3"},
		"unseen": {`{"request":{"method":"CONNECT","url":"https://chat.test/ws","httpVersion":"h2","headers":` + connect + `},"response":{"status":0,"httpVersion":"","headers":[]}}`, `unseen CONNECT /ws ["bytes" "end"]`, ""},
	} {
		found, report := read(t, []byte(`{"log":{"entries":[`+each.entry+`]}}`))
		got := ""
		if len(found) == 1 {
			x := found[0]
			got = fmt.Sprintf("%s %s %s %q", x.Outcome, x.Request.Method, x.Request.Target, x.Lossy)
			if x.Stream == nil || !x.ClientTLS || len(x.Request.Flaws) > 0 {
				t.Errorf("%s: %+v", name, x)
			}
		}
		if notes := strings.Join(report.Notes(), ", "); got != each.want || notes != each.notes {
			t.Errorf("%s: got %q, %q, want %q, %q", name, got, notes, each.want, each.notes)
		}
	}
}
