package capture

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/wire"
	"github.com/interlock-proxy/interlock/wire/h2"
	"github.com/interlock-proxy/interlock/wire/ws"
)

const corpus = "../../rules/testdata"

// transcripts are those of the rulebook, by name.
func transcripts(t testing.TB) map[string]*wire.Transcript {
	t.Helper()
	all := map[string]*wire.Transcript{}
	err := fs.WalkDir(os.DirFS(corpus), ".", func(name string, _ fs.DirEntry, err error) error {
		if err != nil || path.Ext(name) != ".wire" {
			return err
		}
		text, err := os.ReadFile(corpus + "/" + name)
		if err != nil {
			return err
		}
		transcript, err := wire.ParseTranscript(text)
		if err == nil {
			all[name] = transcript.Near()
		}
		return err
	})
	if err != nil || len(all) < 50 {
		t.Fatalf("%d transcripts, %v", len(all), err)
	}
	return all
}

// read reads a file that must be sound.
func read(t testing.TB, file []byte) ([]*wire.Exchange, Report) {
	t.Helper()
	var found []*wire.Exchange
	r := Reader{Observe: func(x *wire.Exchange) { found = append(found, x) }}
	report, err := r.Read(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	return found, report
}

// same writes exchanges without what depends on how the traffic came to us and, if timeless, on
// when.
func same(exchanges []*wire.Exchange, timeless bool) string {
	texts := make([]string, 0, len(exchanges))
	for _, x := range exchanges {
		copied := *x
		copied.ID, copied.Revision, copied.Final, copied.Client, copied.Backend, copied.Route, copied.Lossy = "", 0, true, "", "", "", nil
		copied.Connection = ""
		if k := copied.Stream; k != nil && k.Connection != nil {
			of, on := *k, *k.Connection
			on.ID, of.Connection, copied.Stream = "", &on, &of
		}
		if copied.Cause == wire.CauseClientReset || copied.Cause == wire.CauseDrain { // no packet says who stopped
			copied.Cause = wire.CauseClient
		}
		copied.After.ClientClosed, copied.After.ServerClosed, copied.After.Last = false, false, nil
		if s := copied.Stream; s != nil && s.Connection != nil {
			of, on := *s, *s.Connection
			on.ID, of.Connection, copied.Stream = "", &on, &of
		}
		if f := copied.After.Frames; f != nil {
			copied.After.Frames = timelessFrames(f, !timeless)
		}
		if f := copied.After.HTTP2; f != nil {
			copied.After.HTTP2 = timelessHTTP2(f, !timeless)
		}
		if f := copied.After.TLS; f != nil {
			timeless := *f
			timeless.Idle, timeless.IdleAt = 0, 0
			for i := range timeless.Sides {
				if a := timeless.Sides[i].Alert; a != nil {
					copied := *a
					copied.At, timeless.Sides[i].Alert = 0, &copied
				}
			}
			copied.After.TLS = &timeless
		}
		if e := copied.After.End; e != nil {
			ends := &wire.End{Client: e.Client, Server: e.Server}
			if copied.After.ClientBytes > wire.MaxRecorded { // then it depends on what came together last
				ends.Client = wire.Word{}
			}
			if copied.After.ServerBytes > wire.MaxRecorded {
				ends.Server = wire.Word{}
			}
			copied.After.End = ends
		}
		text, err := json.Marshal(&copied)
		if err != nil {
			panic(err)
		}
		if timeless {
			text = times.ReplaceAll(text, nil)
		}
		texts = append(texts, string(text))
	}
	slices.Sort(texts)
	return strings.Join(texts, "\n")
}

// timelessFrames returns the facts of frames without their times, and also without what depends on the
// order of the two directions unless that is known.
func timelessFrames(f *ws.Facts, ordered bool) *ws.Facts {
	own := *f // without a Close frame WithReasons returns what it is called on
	f = own.WithReasons(func(reason string) string { return reason })
	f.Idle, f.IdleAt = 0, 0
	for i := range f.Sides {
		s := &f.Sides[i]
		if s.Pings.Since, s.Pings.Shortest, s.Pings.Longest = 0, 0, 0; s.Close != nil {
			s.Close.At = 0
		}
		if !ordered {
			f.ClosedFirst, s.Pings, s.UnaskedPongs, s.ForeignPongs = 0, ws.Pings{}, 0, 0
		}
	}
	return f
}

// timelessHTTP2 is the same of HTTP/2.
func timelessHTTP2(f *h2.Facts, ordered bool) *h2.Facts {
	copied := *f
	copied.Idle, copied.IdleAt = 0, 0
	for i := range copied.Sides {
		if away := copied.Sides[i].GoAway; away != nil {
			timeless := *away
			timeless.At, copied.Sides[i].GoAway = 0, &timeless
		}
	}
	if !ordered {
		copied.GoneFirst = 0
	}
	return &copied
}

// TestCapturesTellTheSame writes each transcript as a capture, in every way that packets can come
// in without a byte being lost, and wants the exchanges that the transcript itself gives.
func TestCapturesTellTheSame(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	ways := map[string]func([]segment) []segment{
		"in order":         func(all []segment) []segment { return all },
		"twice each":       func(all []segment) []segment { return slices.Concat(pairs(all)...) },
		"out of order":     func(all []segment) []segment { return shuffled(all, random, 3) },
		"far out of order": func(all []segment) []segment { return shuffled(all, random, 9) },
		"overlapping":      overlapping,
		"without acks":     func(all []segment) []segment { return slices.DeleteFunc(slices.Clone(all), bare) },
		"sent too late":    retransmitted,
	}
	for name, transcript := range transcripts(t) {
		transcript.Meta = nil // a capture has the bytes alone
		for i := range transcript.Chunks {
			transcript.Chunks[i].Idle = 0 // the packets of the test follow each other at once
		}
		exchanges := transcript.Exchanges(wire.Common{})
		if slices.ContainsFunc(exchanges, blanked) {
			continue // in a capture asterisks are payload
		}
		for way, change := range ways {
			timeless := strings.HasSuffix(way, "out of order")
			want := same(exchanges, timeless)
			for _, most := range []int{1 << 15, 40} {
				s := play(transcript, 0xffffff00, most)
				found, report := read(t, ethernet.pcap(t, change(s.segments)))
				if got := same(found, timeless); got != want {
					t.Fatalf("%s, %s, %d bytes each: got %s, want %s; %+v", name, way, most, got, want, report)
				}
				if report.Lost > 0 || report.Midway > 0 || report.Connections != 1 {
					t.Errorf("%s, %s: %+v", name, way, report)
				}
			}
		}
	}
}

// times are those parts of an exchange that depend on when a packet was captured.
var times = regexp.MustCompile(`"(Time|Took|Open)":[^,}]*`)

func blanked(x *wire.Exchange) bool { return ws.Blanked([2][]byte{x.After.Client, x.After.Server}) }

func bare(g segment) bool { return len(g.payload) == 0 && !g.syn && !g.fin && !g.rst }

func pairs(all []segment) (two [][]segment) {
	for _, g := range all {
		two = append(two, []segment{g, g})
	}
	return two
}

// shuffled moves data segments up to far places forward. What opens and ends the connection stays.
func shuffled(all []segment, random *rand.Rand, far int) []segment {
	all = slices.Clone(all)
	middle := all[2 : len(all)-1]
	if all[len(all)-2].fin {
		middle = middle[:len(middle)-1]
	}
	for i := range middle {
		j := min(i+random.IntN(far), len(middle)-1)
		middle[i], middle[j] = middle[j], middle[i]
	}
	return all
}

// overlapping sends everything again together with some of what stood in front.
func overlapping(all []segment) (changed []segment) {
	var before [2][]byte
	for _, g := range all {
		changed = append(changed, g)
		if len(g.payload) == 0 {
			continue
		}
		again := g
		some := min(5, len(before[g.from]))
		again.payload = slices.Concat(before[g.from][len(before[g.from])-some:], g.payload)
		again.seq -= uint32(some)
		changed = append(changed, again)
		before[g.from] = append(before[g.from], g.payload...)
	}
	return changed
}

// retransmitted sends everything again at the end of its flight.
func retransmitted(all []segment) (changed []segment) {
	var flight []segment
	for i, g := range all {
		changed = append(changed, g)
		if len(g.payload) > 0 {
			flight = append(flight, g)
		}
		if i+1 < len(all) && all[i+1].from != g.from {
			changed = append(changed, flight...)
			flight = nil
		}
	}
	return changed
}

// TestNothingIsGuessedBehindLostSegments leaves out each packet in turn. What is said about the
// rest must be what is said about the whole, or less.
func TestNothingIsGuessedBehindLostSegments(t *testing.T) {
	lost := int64(0)
	for name, transcript := range transcripts(t) {
		known := map[string]bool{}
		for _, x := range transcript.Exchanges(wire.Common{}) {
			known[heads(x)] = true
		}
		s := play(transcript, 77, 150)
		for i, g := range s.segments {
			if g.rst {
				continue
			}
			found, report := read(t, ethernet.pcap(t, slices.Delete(slices.Clone(s.segments), i, i+1)))
			lost += report.Lost
			for _, x := range found {
				switch {
				case x.Response != nil && !known[heads(x)]:
					t.Errorf("%s without packet %d: %s", name, i, heads(x))
				case x.Response == nil && len(g.payload) > 0 && x.Outcome != wire.Opaque && !known[heads(x)]:
					t.Errorf("%s without packet %d: %s %s", name, i, x.Outcome, heads(x))
				}
			}
		}
	}
	if lost < 100 {
		t.Errorf("only %d losses were noticed", lost)
	}
}

// heads are both heads of an exchange and the first bytes after a 101.
func heads(x *wire.Exchange) string {
	if x.Response == nil {
		return fmt.Sprintf("%q", x.Request.Raw)
	}
	return fmt.Sprintf("%q %q", x.Request.Raw, x.Response.Raw)
}

func TestNetworks(t *testing.T) {
	transcript := transcripts(t)["TUTORIAL/426-then-upgrade.wire"]
	want := same(transcript.Exchanges(wire.Common{}), false)
	for name, n := range networks {
		segments := play(transcript, 1, 100).segments
		files := map[string][]byte{"pcap": n.pcap(t, segments), "pcapng": n.pcapng(t, segments)}
		files["big-endian"] = bigEndian(files["pcap"])
		for format, file := range files {
			found, report := read(t, file)
			if got := same(found, false); got != want {
				t.Errorf("%s, %s: got %s, want %s; %+v", name, format, got, want, report)
			}
			client, backend := "192.0.2.1:40000", "192.0.2.2:8080"
			if n.six {
				client, backend = "[2001:db8::1]:40000", "[2001:db8::2]:8080"
			}
			if len(found) != 2 || found[0].Client != client || found[0].Backend != backend || found[0].Route != "default" || found[0].Lossy != nil {
				t.Errorf("%s, %s: got %+v", name, format, found)
			}
		}
	}
}

const (
	handshake = "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
	accepted = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
	page = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
)

func TestCapturesThatBeginMidway(t *testing.T) {
	s := start(1)
	s.send(0, []byte("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), 1000)
	s.send(1, []byte(page), 20)
	began := len(s.segments) - 3 // within the response
	s.send(0, []byte(handshake), 1000)
	s.send(1, []byte(accepted), 1000)
	s.send(1, []byte{0x81, 2, 'h', 'i'}, 1000)
	found, report := read(t, ethernet.pcap(t, s.segments[began:]))
	if len(found) != 1 || found[0].Outcome != wire.Switched || found[0].Client != "192.0.2.1:40000" || report.Midway != 1 || report.Unoriented != 0 {
		t.Fatalf("got %+v, %+v", found, report)
	}
	if got := found[0].Lossy; !slices.Equal(got, []string{LostBeginning, LostEnd}) {
		t.Errorf("got %q", got)
	}
	if got := found[0].After.Server; string(got) != "\x81\x02hi" {
		t.Errorf("got %q", got)
	}
	found, report = read(t, ethernet.pcap(t, s.segments[len(s.segments)-4:])) // within the tunnel
	if len(found) != 0 || report.Midway != 1 || report.Unoriented != 1 {
		t.Errorf("got %+v, %+v", found, report)
	}
}

func TestPortsAreUsedAgain(t *testing.T) {
	var all []segment
	at := time.Unix(0, 0).UTC()
	for i, end := range []segment{{from: 0, rst: true}, {from: 1, fin: true}, {from: 0}, {from: 1, rst: true}} {
		s := start(uint32(1000 * i))
		s.send(0, []byte(handshake), 50)
		s.send(1, []byte(accepted), 50)
		s.add(end)
		for _, g := range s.segments {
			at = at.Add(time.Microsecond)
			g.at = at
			all = append(all, g)
		}
	}
	found, report := read(t, ethernet.pcap(t, all))
	if len(found) != 4 || report.Connections != 4 || report.Lost != 0 || report.Midway != 0 {
		t.Errorf("%d found, %+v", len(found), report)
	}
}
