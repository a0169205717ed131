package capture

import (
	"bytes"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gopacket/gopacket"

	"github.com/interlock-proxy/interlock/wire"
	"github.com/interlock-proxy/interlock/wire/ws"
)

// A dripping reader returns a few bytes at a time, as a pipe does.
type dripping struct {
	bytes.Reader
	random *rand.Rand
}

func (d *dripping) Read(p []byte) (int, error) {
	return d.Reader.Read(p[:min(len(p), 1+d.random.IntN(200))])
}

// TestLiveCapturesTellTheSame checks that the last report of each exchange is the one of a capture that is
// read afterwards, and that revisions ascend.
func TestLiveCapturesTellTheSame(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	early := 0
	for name, transcript := range transcripts(t) {
		if slices.ContainsFunc(transcript.Exchanges(wire.Common{}), func(x *wire.Exchange) bool { return ws.Blanked([2][]byte{x.After.Client, x.After.Server}) }) {
			continue
		}
		write := [...]func(testing.TB, []segment) []byte{ethernet.pcap, ethernet.pcapng}[len(name)%2]
		for _, capture := range [][]byte{write(t, play(transcript, 7, 200).segments)} {
			want, _ := read(t, capture)
			var order []string
			last := map[string]*wire.Exchange{}
			r := Reader{Live: true, Observe: func(x *wire.Exchange) {
				was := last[x.ID]
				switch {
				case was == nil:
					order = append(order, x.ID)
				case was.Final || x.Revision <= was.Revision || len(x.Lossy) > 0 && slices.Contains(x.Lossy[1:], x.Lossy[0]):
					t.Errorf("%s: revision %d after %d, final %v, lossy %q", name, x.Revision, was.Revision, was.Final, x.Lossy)
				}
				if last[x.ID] = x; !x.Final {
					early++
				}
			}}
			if _, err := r.Read(&dripping{*bytes.NewReader(capture), random}); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			var got []*wire.Exchange
			for _, id := range order {
				if !last[id].Final {
					t.Errorf("%s: the last report of an exchange is not final", name)
				}
				got = append(got, last[id])
			}
			slices.SortStableFunc(got, func(a, b *wire.Exchange) int { return a.Time.Compare(b.Time) })
			slices.SortStableFunc(want, func(a, b *wire.Exchange) int { return a.Time.Compare(b.Time) })
			if got, want := same(got, true), same(want, true); got != want {
				t.Errorf("%s: got %s, want %s", name, got, want)
			}
		}
	}
	if early < 100 {
		t.Errorf("got %d reports before the last one", early)
	}
}

// opened is a capture of a handshake and its answer, and nothing after it.
func opened(answer string) []segment {
	s := start(1)
	s.send(0, []byte("GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"), 1<<15)
	if answer != "" {
		s.send(1, []byte(answer), 1<<15)
	}
	return s.segments
}

// A pausing reader has nothing more until it is told to end.
type pausing struct {
	io.Reader
	end <-chan struct{}
}

func (p *pausing) Read(b []byte) (int, error) {
	n, err := p.Reader.Read(b)
	if n > 0 || err == nil {
		return n, err
	}
	select {
	case <-p.end:
		return 0, io.EOF
	case <-time.After(10 * time.Millisecond):
		return 0, os.ErrDeadlineExceeded
	}
}

// TestATunnelIsJudgedWhileItIsSilent checks that an exchange is complete soon after a 101, although no
// packet comes.
func TestATunnelIsJudgedWhileItIsSilent(t *testing.T) {
	end := make(chan struct{})
	var reports []string
	r := Reader{Live: true, Observe: func(x *wire.Exchange) {
		switch {
		case x.Final:
			reports = append(reports, "final")
		case x.Complete:
			reports = append(reports, "complete")
			close(end)
		default:
			reports = append(reports, "head")
		}
	}}
	late := time.AfterFunc(30*time.Second, func() { close(end) })
	defer late.Stop()
	answer := "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
	if _, err := r.Read(&pausing{bytes.NewReader(ethernet.pcap(t, opened(answer))), end}); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(reports, " "); got != "head complete final" {
		t.Errorf("got %q", got)
	}
}

// TestSilenceNeedsAPacket checks that a server is not said to be silent because packets are late.
func TestSilenceNeedsAPacket(t *testing.T) {
	var found []*wire.Exchange
	s := &session{Reader: Reader{Live: true, Route: "default", Bounds: Bounds{}.withDefaults(), Observe: func(x *wire.Exchange) { found = append(found, x) }}}
	streams, d := newStreams(s), newDecoder()
	s.open(new(bytes.Reader))
	_, _ = s.begin() // it seeds the names
	for _, g := range opened("") {
		b := ethernet.packet(g)
		s.packet(streams, d, b, gopacket.CaptureInfo{Timestamp: g.at, CaptureLength: len(b), Length: len(b)}, ethernet.link)
	}
	streams.arrived = time.Now().Add(-time.Hour)
	streams.idle()
	if len(found) > 0 {
		t.Errorf("got %+v while no packet came", found[0])
	}
	streams.finish()
	if len(found) != 1 || found[0].Outcome != wire.Unseen {
		t.Errorf("got %+v, want one exchange whose answer was not seen", found)
	}
}

// TestCapturesInARow reads captures that were written one after the other into one stream, with different
// byte orders, link types and formats of packet headers.
func TestCapturesInARow(t *testing.T) {
	answer := "HTTP/1.1 426 Upgrade Required\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 0\r\n\r\n"
	one, other := opened(answer), opened(answer)
	raw := networks["raw"]
	raw.client = 40001
	all := slices.Concat(ethernet.pcap(t, one), raw.pcap(t, other), ethernet.pcap(t, nil))
	all = append(all, bigEndian(raw2(t, one[:4]))...)
	all = append(all, raw2(t, one[4:])...)
	found, report := read(t, all)
	if len(found) != 3 || report.Connections != 3 || report.Lost > 0 {
		t.Errorf("%d exchanges, %+v", len(found), report)
	}
	all = append(all, ethernet.pcap(t, nil)[:20]...)
	r := Reader{}
	if _, err := r.Read(bytes.NewReader(all)); err == nil || !strings.Contains(err.Error(), "ends within a record") {
		t.Errorf("got %v for a header that is cut", err)
	}
}

// raw2 is a capture of a third client.
func raw2(t *testing.T, segments []segment) []byte {
	raw := networks["raw"]
	raw.client = 40002
	return raw.pcap(t, segments)
}
