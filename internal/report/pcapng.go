package report

import (
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"github.com/interlock-proxy/interlock/internal/printed"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
	"github.com/interlock-proxy/interlock/wire/ws"
)

var _ = register(Format{
	Name: "pcapng", Title: "packets for Wireshark, with findings as comments", Packets: true,
	Open: func(w io.Writer, o Options) Writer {
		return &packetWriter{w: w, version: o.Version, taken: map[ends]bool{}}
	},
})

// packetWriter writes each exchange as a TCP connection of its own, with the bytes that the other
// formats show: no secrets and no payload unless evidence is full.
type packetWriter struct {
	w       io.Writer
	version string
	out     *pcapgo.NgWriter // nil before the first packet
	taken   map[ends]bool    // the connections that were written
	batch   gopacket.SerializeBuffer
}

// ends are the addresses of a connection, by who is there.
type ends [2]netip.AddrPort

// segment is how many bytes a packet carries at most.
const segment = 1400

// open writes the head of the file. Nothing in it depends on this machine.
func (p *packetWriter) open() (err error) {
	if p.out != nil {
		return nil
	}
	p.batch = gopacket.NewSerializeBuffer()
	face := pcapgo.NgInterface{Name: "interlock", LinkType: layers.LinkTypeRaw, TimestampResolution: 9}
	p.out, err = pcapgo.NewNgWriterInterface(p.w, face, pcapgo.NgWriterOptions{SectionInfo: pcapgo.NgSectionInfo{Application: strings.TrimSpace("Interlock " + p.version)}})
	return err
}

// Write is part of Writer.
func (p *packetWriter) Write(r *rules.Ruling) error {
	if err := p.open(); err != nil {
		return err
	}
	t, err := transcript(r)
	if err != nil {
		return err
	}
	t = t.Near()
	if len(t.Chunks) == 0 {
		return nil
	}
	maskBlanks(t)
	f := &flow{packetWriter: p, ends: p.apart(endsOf(r.X)), at: afterBoth(time.Unix(0, 0), r.X.Time)}
	f.handshake()
	if framed := t.HTTP2(); framed != nil {
		t, f.framed = framed, true
		f.settings(t)
	}
	f.carry(t, r)
	f.end(t.End, r.X)
	return f.err
}

// Close is part of Writer.
func (p *packetWriter) Close(*Summary) error {
	if err := p.open(); err != nil {
		return err
	}
	return p.out.Flush()
}

// maskBlanks masks the payload of client frames that is blanked out, so that readers which take the masks
// away find text, and not arbitrary bytes. Codes of Close frames are as they were.
func maskBlanks(t *wire.Transcript) {
	answered := false
	for i := range t.Chunks {
		c := &t.Chunks[i]
		if answered = answered || c.From == wire.FromServer; !answered || c.From == wire.FromServer {
			continue
		}
		if sides := [2][]byte{c.Bytes}; ws.Blanked(sides) && ws.Coded(sides) {
			ws.MaskBlanks(c.Bytes)
		}
	}
}

// endsOf returns the addresses of an exchange. What is not an IP address with a port, such as the
// path of a socket, becomes one for documentation (RFC 5737 §3).
func endsOf(x *wire.Exchange) (found ends) {
	for i, text := range [...]string{x.Client, x.Backend} {
		address, err := netip.ParseAddrPort(text)
		if err != nil {
			port, _ := strconv.ParseUint(text[strings.LastIndexByte(text, ':')+1:], 10, 16)
			if port == 0 && i == 1 {
				port = 80 // where Wireshark looks for HTTP/2
			}
			address = netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(i + 1)}), uint16(port))
		}
		found[i] = netip.AddrPortFrom(address.Addr().Unmap().WithZone(""), address.Port())
	}
	if found[0].Addr().Is4() != found[1].Addr().Is4() {
		for i, address := range found {
			found[i] = netip.AddrPortFrom(netip.AddrFrom16(address.Addr().As16()), address.Port())
		}
	}
	return found
}

// apart returns addresses that no connection before had, with another port of the client if need be:
// several exchanges may have been on one connection.
func (p *packetWriter) apart(e ends) ends {
	for range 1 << 16 {
		if e[0].Port() > 0 && !p.taken[e] {
			break
		}
		e[0] = netip.AddrPortFrom(e[0].Addr(), e[0].Port()+1)
	}
	p.taken[e] = true
	return e
}

// A flow is one connection that is being written.
type flow struct {
	*packetWriter
	ends ends
	next [2]uint32 // the next sequence number of each end
	at   time.Time
	err  error

	framed bool // it is of HTTP/2
}

// handshake opens the connection.
func (f *flow) handshake() {
	f.packet(wire.FromClient, layers.TCP{SYN: true}, nil, nil)
	f.packet(wire.FromServer, layers.TCP{SYN: true, ACK: true}, nil, nil)
	f.packet(wire.FromClient, layers.TCP{ACK: true}, nil, nil)
}

// settings writes how a connection of HTTP/2 begins, and takes that from the transcript.
func (f *flow) settings(t *wire.Transcript) {
	for _, c := range t.Chunks[:2] {
		f.packet(c.From, layers.TCP{PSH: true, ACK: true}, c.Bytes, nil)
	}
	t.Chunks = t.Chunks[2:]
}

// carry writes the bytes of a transcript, each finding at what it is about.
func (f *flow) carry(t *wire.Transcript, r *rules.Ruling) {
	notes := make([][]string, len(t.Chunks))
	for i := range r.Findings {
		if found := &r.Findings[i]; found.Verdict < rules.Pass {
			at := chunkOf(t, found)
			notes[at] = append(notes[at], comment(found, r.X.Probe))
		}
	}
	answered := false
	for i, c := range t.Chunks {
		if c.From == wire.FromServer && !answered {
			answered, f.at = true, afterBoth(f.at, r.X.Time.Add(r.X.Took))
		}
		for rest, first := c.Bytes, true; len(rest) > 0; first = false {
			n := min(len(rest), segment)
			if first {
				f.packet(c.From, layers.TCP{PSH: true, ACK: true}, rest[:n], notes[i])
			} else {
				f.packet(c.From, layers.TCP{PSH: true, ACK: true}, rest[:n], nil)
			}
			rest = rest[n:]
		}
		f.at = f.at.Add(c.Idle)
	}
}

// chunkOf returns the chunk that a finding is about: the request or the response, and for bytes of a
// tunnel the last one of their side.
func chunkOf(t *wire.Transcript, found *rules.Finding) int {
	part := rules.InResponse
	if len(found.Spans) > 0 {
		part = found.Spans[0].Part
	}
	at := 0
	for i, c := range t.Chunks {
		switch {
		case part == rules.InResponse && c.From == wire.FromServer:
			return i
		case part == rules.FromClient && c.From == wire.FromClient, part == rules.FromServer && c.From == wire.FromServer:
			at = i
		}
	}
	return at
}

// comment returns a finding as a line, with the probe that it is of.
func comment(f *rules.Finding, probe string) string {
	text := fmt.Sprintf("Interlock: %s (%s) %s: %s", f.Verdict, f.Severity, f.Rule.ID, f.Detail)
	if probe != "" {
		text += " (probe " + probe + ")"
	}
	return printed.ASCII(flat(text))
}

// end ends the connection as the exchange did, if it did. Bytes that are not shown are missing, so
// that their number is known; those of HTTP/2 are left out, as nothing after them could be read.
func (f *flow) end(how string, x *wire.Exchange) {
	a := &x.After
	if a.Ended && !f.framed {
		shown := [2]int64{min(int64(len(a.Client)), a.ClientBytes), min(int64(len(a.Server)), a.ServerBytes)}
		f.next[wire.FromClient] += uint32(a.ClientBytes - shown[0])
		f.next[wire.FromServer] += uint32(a.ServerBytes - shown[1])
	}
	if a.Ended && a.End != nil {
		f.at = afterBoth(f.at, x.Time.Add(x.Took+a.End.Open))
	}
	first := wire.FromClient
	switch {
	case how == "closed", how == "reset":
		first = wire.FromServer
	case how == "client closed", how == "client reset", a.Ended:
	default:
		return
	}
	if strings.HasSuffix(how, "reset") {
		f.packet(first, layers.TCP{RST: true, ACK: true}, nil, nil)
		return
	}
	f.packet(first, layers.TCP{FIN: true, ACK: true}, nil, nil)
	f.packet(1-first, layers.TCP{FIN: true, ACK: true}, nil, nil)
	f.packet(first, layers.TCP{ACK: true}, nil, nil)
}

// packet writes a packet, with comments, a microsecond after the one before.
func (f *flow) packet(from wire.Direction, tcp layers.TCP, payload []byte, comments []string) {
	if f.err != nil {
		return
	}
	src, dst := f.ends[from], f.ends[1-from]
	tcp.SrcPort, tcp.DstPort, tcp.Window = layers.TCPPort(src.Port()), layers.TCPPort(dst.Port()), 1<<16-1
	tcp.Seq = f.next[from]
	if tcp.ACK {
		tcp.Ack = f.next[1-from]
	}
	f.next[from] += uint32(len(payload))
	if tcp.SYN || tcp.FIN {
		f.next[from]++
	}
	if f.err = f.serialize(src.Addr(), dst.Addr(), &tcp, payload); f.err != nil {
		return
	}
	f.at = f.at.Add(time.Microsecond)
	b := f.batch.Bytes()
	info := gopacket.CaptureInfo{Timestamp: f.at, CaptureLength: len(b), Length: len(b)}
	f.err = f.out.WritePacketWithOptions(info, b, pcapgo.NgPacketOptions{Comments: comments})
}

func (f *flow) serialize(src, dst netip.Addr, tcp *layers.TCP, payload []byte) error {
	options := gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}
	var network interface {
		gopacket.SerializableLayer
		gopacket.NetworkLayer
	}
	if src.Is4() {
		network = &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolTCP, SrcIP: src.AsSlice(), DstIP: dst.AsSlice()}
	} else {
		network = &layers.IPv6{Version: 6, HopLimit: 64, NextHeader: layers.IPProtocolTCP, SrcIP: src.AsSlice(), DstIP: dst.AsSlice()}
	}
	if err := tcp.SetNetworkLayerForChecksum(network); err != nil {
		return err
	}
	return gopacket.SerializeLayers(f.batch, options, network, tcp, gopacket.Payload(payload))
}

// afterBoth returns the later one of two times.
func afterBoth(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
