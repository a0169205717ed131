package capture

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/pcapgo"

	"github.com/interlock-proxy/interlock/wire"
)

// A clientSegment is a segment and the port of its client.
type clientSegment struct {
	port uint16
	segment
}

// record is a capture of many connections, snapped at that many bytes a packet if snap is not 0.
func record(t testing.TB, all []clientSegment, snap int) []byte {
	t.Helper()
	var file bytes.Buffer
	w := pcapgo.NewWriter(&file)
	if err := w.WriteFileHeader(1<<18, ethernet.link); err != nil {
		t.Fatal(err)
	}
	for _, f := range all {
		n := ethernet
		n.client = f.port
		b := n.packet(f.segment)
		ci := gopacket.CaptureInfo{Timestamp: f.at, CaptureLength: len(b), Length: len(b)}
		if snap > 0 && len(b) > snap {
			b, ci.CaptureLength = b[:snap], snap
		}
		if err := w.WritePacket(ci, b); err != nil {
			t.Fatal(err)
		}
	}
	return file.Bytes()
}

// bounded reads a capture within bounds.
func bounded(t *testing.T, file []byte, b Bounds) ([]*wire.Exchange, Report) {
	t.Helper()
	var found []*wire.Exchange
	r := Reader{Bounds: b, Observe: func(x *wire.Exchange) { found = append(found, x) }}
	report, err := r.Read(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	return found, report
}

func TestTooManyConnections(t *testing.T) {
	var all []clientSegment
	at := time.Unix(1000, 0)
	for i := range 5000 { // a flood of connections that nobody opens
		s := start(uint32(i))
		at = at.Add(time.Millisecond)
		g := s.segments[0]
		g.at = at
		all = append(all, clientSegment{uint16(2000 + i), g})
	}
	at = at.Add(10 * time.Second)
	s := start(7)
	s.send(0, []byte(handshake), 100)
	s.send(1, []byte(accepted), 100)
	for _, g := range s.segments {
		g.at = at
		all = append(all, clientSegment{1999, g})
	}
	found, report := bounded(t, record(t, all, 0), Bounds{Connections: 100})
	if len(found) != 1 || report.Shed < 4000 || report.Connections > 1000 {
		t.Errorf("%d found, %+v", len(found), report)
	}
}

func TestUnansweredRequestsAreBounded(t *testing.T) {
	var all []clientSegment
	for i := range 200 {
		s := start(uint32(i))
		s.send(0, []byte("GET / HTTP/1.1\r\nX: "+strings.Repeat("x", 50000)), 1400)
		for _, g := range s.segments {
			all = append(all, clientSegment{uint16(2000 + i), g})
		}
	}
	_, report := bounded(t, record(t, all, 0), Bounds{Unanswered: 1 << 20})
	if report.Shed < 150 || report.Open > 25 {
		t.Errorf("got %+v", report)
	}
}

func TestHeldBytesAreBounded(t *testing.T) {
	s := start(1)
	s.send(0, []byte(handshake), 1000)
	s.send(1, []byte(accepted), 1000)
	s.send(1, make([]byte, 100000), 1000)
	without := slices.DeleteFunc(slices.Clone(s.segments), func(g segment) bool { return g.from == 0 && len(g.payload) > 0 })
	var all []clientSegment
	for _, g := range without {
		all = append(all, clientSegment{2000, g})
	}
	found, report := bounded(t, record(t, all, 0), Bounds{Held: 10000})
	if len(found) != 0 || report.Shed != 1 {
		t.Errorf("got %+v, %+v", found, report)
	}
}

func TestQueuedPagesAreBounded(t *testing.T) {
	s := start(1)
	s.send(0, []byte(handshake), 50)
	s.send(1, []byte(accepted), 50)
	var all []clientSegment
	for i, g := range s.segments {
		if i != 4 { // a part of the request
			all = append(all, clientSegment{2000, g})
		}
	}
	found, report := bounded(t, record(t, all, 0), Bounds{Pages: 16})
	if len(found) != 0 || report.Lost != 1 {
		t.Errorf("got %+v, %+v", found, report)
	}
}

func TestSnappedPackets(t *testing.T) {
	s := start(1)
	s.send(0, []byte(handshake), 1000)
	s.send(1, []byte(accepted), 1000)
	s.now = s.now.Add(3 * time.Second)
	s.send(0, []byte{0x81, 0x80, 1, 2, 3, 4}, 1000)
	var all []clientSegment
	for _, g := range s.segments {
		all = append(all, clientSegment{2000, g})
	}
	found, report := bounded(t, record(t, all, 96), Bounds{})
	if note := "2 packets were captured with only 96 bytes: capture again with full packets (tcpdump -s 0)"; !slices.Contains(report.Notes(), note) {
		t.Errorf("got %q", report.Notes())
	}
	if len(found) != 0 || report.Lost != 1 || report.Damaged != 0 || report.Snapped != 2 || report.SnapLength != 96 {
		t.Errorf("got %+v, %+v", found, report)
	}
}

func TestLossInATunnel(t *testing.T) {
	s := start(1)
	s.send(0, []byte(handshake), 1000)
	s.send(1, []byte(accepted), 1000)
	s.send(1, []byte("\x81\x02hi"), 1000)
	lost := len(s.segments)
	s.send(1, []byte("\x81\x02hi"), 1000)
	s.now = s.now.Add(time.Second)
	s.send(1, []byte("HTTP/1.1 500 never said here\r\n"), 1000)
	s.now = s.now.Add(2 * time.Minute)
	s.add(segment{from: 1, fin: true})
	s.add(segment{from: 0, fin: true})
	var all []clientSegment
	for i, g := range s.segments {
		if i != lost {
			all = append(all, clientSegment{2000, g})
		}
	}
	found, report := bounded(t, record(t, all, 0), Bounds{})
	if len(found) != 1 || report.Lost != 1 || string(found[0].After.Server) != "\x81\x02hi" || found[0].After.ServerBytes != 8+30 {
		t.Fatalf("got %+v, %+v", found, report)
	}
	if x := found[0]; x.Outcome != wire.Switched || !slices.Equal(x.Lossy, []string{LostSegments}) || !x.After.Ended {
		t.Errorf("got %+v", x)
	}
}

// FuzzSegments lets packets of a few exchanges be lost, come twice or in another order. No answer
// may go to a question that it was not given to.
func FuzzSegments(f *testing.F) {
	conversation := &wire.Transcript{}
	for i, each := range []struct {
		from wire.Direction
		text string
	}{
		{wire.FromClient, "GET /a HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\n\r\n"}, {wire.FromServer, page},
		{wire.FromClient, "GET /b HTTP/1.1\r\nHost: a\r\nUpgrade: tls\r\n\r\n" + "GET /c HTTP/1.1\r\nHost: a\r\nUpgrade: x\r\n\r\n"},
		{wire.FromServer, strings.Replace(page, "200", "201", 1) + strings.Replace(page, "200", "202", 1)},
		{wire.FromClient, handshake}, {wire.FromServer, accepted}, {wire.FromClient, "\x81\x82\x00\x00\x00\x00hi"}, {wire.FromServer, "\x81\x02hi"},
	} {
		conversation.Add(each.from, []byte(each.text))
		f.Add(bytes.Repeat([]byte{byte(i)}, 40))
	}
	for _, once := range []string{"\x03\xe4\xe4\xe4\xe4\xe4\xe4", "\x06\x06\x06\xdbr\xdf", "090"} { // what was wrong once
		f.Add([]byte(once))
	}
	known := map[string]bool{}
	for _, x := range conversation.Exchanges(wire.Common{}) {
		known[heads(x)] = true
	}
	segments := play(conversation, 0xfffffff0, 30).segments
	f.Fuzz(func(t *testing.T, choices []byte) {
		all := slices.Clone(segments)
		for i, c := range choices {
			switch at := i % len(all); c % 5 {
			case 1:
				all[at].payload, all[at].syn, all[at].rst = nil, false, false // as good as lost
			case 2:
				all = slices.Insert(all, at, all[at])
			case 3:
				other := (at + int(c/5)) % len(all)
				all[at], all[other] = all[other], all[at]
			case 4:
				all = slices.Delete(all, at, at+1)
			}
			if len(all) == 0 || len(all) > 300 {
				return
			}
		}
		found, _ := read(t, ethernet.pcap(t, all))
		for _, x := range found {
			if x.Response != nil && !known[heads(x)] {
				t.Errorf("got %s", heads(x))
			}
		}
	})
}
