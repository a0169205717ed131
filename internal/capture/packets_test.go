package capture

import (
	"bytes"
	"encoding/binary"
	"net"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"github.com/interlock-proxy/interlock/wire"
)

// A segment is what one end sends; 0 is the client.
type segment struct {
	from          int
	seq, ack      uint32
	syn, fin, rst bool
	payload       []byte
	at            time.Time
}

// A session under test is one connection.
type script struct {
	segments []segment
	next     [2]uint32
	now      time.Time
}

// start is a handshake.
func start(isn uint32) *script {
	s := &script{next: [2]uint32{isn, isn ^ 0x80000000}, now: time.Unix(0, 0).UTC()}
	for _, from := range []int{0, 1} {
		s.add(segment{from: from, syn: true})
	}
	s.add(segment{from: 0})
	return s
}

func (s *script) add(g segment) {
	g.seq, g.at = s.next[g.from], s.now
	if !g.syn || g.from == 1 {
		g.ack = s.next[1-g.from]
	}
	s.next[g.from] += uint32(len(g.payload))
	if g.syn || g.fin {
		s.next[g.from]++
	}
	s.segments = append(s.segments, g)
}

func (s *script) send(from int, b []byte, most int) {
	for ; len(b) > most; b = b[most:] {
		s.add(segment{from: from, payload: b[:most]})
	}
	s.add(segment{from: from, payload: b})
	s.add(segment{from: 1 - from}) // the acknowledgment
}

// play is a transcript as segments of at most that many bytes.
func play(t *wire.Transcript, isn uint32, most int) *script {
	s := start(isn)
	for _, c := range t.Chunks {
		s.now = s.now.Add(time.Millisecond)
		s.send(int(c.From), c.Bytes, most)
	}
	switch t.End {
	case "closed":
		s.add(segment{from: 1, fin: true})
		s.add(segment{from: 0, rst: true})
	case "reset":
		s.add(segment{from: 1, rst: true})
	case "silent":
		s.now = s.now.Add(wire.SilentAfter)
		fallthrough
	default:
		s.add(segment{from: 0, rst: true})
	}
	return s
}

// A network is how packets are wrapped.
type network struct {
	link   layers.LinkType
	begin  []byte // what stands in front of the IP packet
	six    bool
	client uint16 // the port; 40000 if 0
}

var (
	ethernet = network{link: layers.LinkTypeEthernet, begin: append(make([]byte, 12), 8, 0)}
	networks = map[string]network{
		"ethernet":  ethernet,
		"vlan":      {link: layers.LinkTypeEthernet, begin: append(make([]byte, 12), 0x81, 0, 0, 7, 8, 0)},
		"two vlans": {link: layers.LinkTypeEthernet, begin: append(make([]byte, 12), 0x88, 0xa8, 0, 7, 0x81, 0, 0, 8, 0x86, 0xdd), six: true},
		"ipv6":      {link: layers.LinkTypeEthernet, begin: append(make([]byte, 12), 0x86, 0xdd), six: true},
		"raw":       {link: layers.LinkTypeRaw},
		"raw ipv6":  {link: layers.LinkTypeRaw, six: true},
		"bsd raw":   {link: 12},
		"ipv4":      {link: layers.LinkTypeIPv4},
		"null":      {link: layers.LinkTypeNull, begin: []byte{2, 0, 0, 0}},
		"null ipv6": {link: layers.LinkTypeNull, begin: []byte{30, 0, 0, 0}, six: true},
		"loop":      {link: layers.LinkTypeLoop, begin: []byte{0, 0, 0, 2}},
		"cooked":    {link: layers.LinkTypeLinuxSLL, begin: []byte{0, 0, 0, 1, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0, 8, 0}},
		"cooked 2":  {link: layers.LinkTypeLinuxSLL2, begin: []byte{8, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0}},
	}
)

// packet is a segment as it is captured.
func (n network) packet(g segment) []byte {
	tcp := &layers.TCP{Seq: g.seq, Ack: g.ack, SYN: g.syn, FIN: g.fin, RST: g.rst, PSH: len(g.payload) > 0, Window: 65535}
	tcp.ACK = !g.syn || g.from == 1
	client := n.client
	if client == 0 {
		client = 40000
	}
	ports := [2]layers.TCPPort{layers.TCPPort(client), 8080}
	tcp.SrcPort, tcp.DstPort = ports[g.from], ports[1-g.from]
	var ip gopacket.SerializableLayer
	if n.six {
		hosts := [2]net.IP{net.ParseIP("2001:db8::1"), net.ParseIP("2001:db8::2")}
		six := &layers.IPv6{Version: 6, HopLimit: 64, NextHeader: layers.IPProtocolTCP, SrcIP: hosts[g.from], DstIP: hosts[1-g.from]}
		tcp.SetNetworkLayerForChecksum(six)
		ip = six
	} else {
		hosts := [2]net.IP{{192, 0, 2, 1}, {192, 0, 2, 2}}
		four := &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolTCP, SrcIP: hosts[g.from], DstIP: hosts[1-g.from]}
		tcp.SetNetworkLayerForChecksum(four)
		ip = four
	}
	b := gopacket.NewSerializeBuffer()
	err := gopacket.SerializeLayers(b, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, ip, tcp, gopacket.Payload(g.payload))
	if err != nil {
		panic(err)
	}
	return append(bytes.Clone(n.begin), b.Bytes()...)
}

// pcap is a capture of segments.
func (n network) pcap(t testing.TB, segments []segment) []byte {
	t.Helper()
	var file bytes.Buffer
	w := pcapgo.NewWriter(&file)
	if err := w.WriteFileHeader(1<<18, n.link); err != nil {
		t.Fatal(err)
	}
	for _, g := range segments {
		b := n.packet(g)
		if err := w.WritePacket(gopacket.CaptureInfo{Timestamp: g.at, CaptureLength: len(b), Length: len(b)}, b); err != nil {
			t.Fatal(err)
		}
	}
	return file.Bytes()
}

// pcapng is the same in the newer format.
func (n network) pcapng(t testing.TB, segments []segment) []byte {
	t.Helper()
	var file bytes.Buffer
	w, err := pcapgo.NewNgWriter(&file, n.link)
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range segments {
		b := n.packet(g)
		if err := w.WritePacket(gopacket.CaptureInfo{Timestamp: g.at, CaptureLength: len(b), Length: len(b)}, b); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// bigEndian is a capture with its numbers the other way round.
func bigEndian(file []byte) []byte {
	b := bytes.Clone(file)
	swap := func(at, width int) {
		for i, j := at, at+width-1; i < j; i, j = i+1, j-1 {
			b[i], b[j] = b[j], b[i]
		}
	}
	for _, f := range [][2]int{{0, 4}, {4, 2}, {6, 2}, {16, 4}, {20, 4}} {
		swap(f[0], f[1])
	}
	for at := 24; at < len(b); {
		n := int(binary.LittleEndian.Uint32(b[at+8:]))
		for i := range 4 {
			swap(at+4*i, 4)
		}
		at += 16 + n
	}
	return b
}
