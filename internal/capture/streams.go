package capture

import (
	"encoding/binary"
	"net/netip"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/reassembly"

	"github.com/interlock-proxy/interlock/wire"
)

// queuedFor is how long segments wait for an earlier one, in the time of the packets. The earlier
// one was not acknowledged, so it will be sent again.
const queuedFor = time.Minute

// idleFor are the times without a packet after which connections are given up where there are too
// many, in the order in which they are tried.
var idleFor = [...]time.Duration{5 * time.Minute, time.Minute, 5 * time.Second}

// streams are the TCP connections of a capture. gopacket puts the segments of each direction in
// order; a [connection] interleaves the directions.
type streams struct {
	*session
	assembler *reassembly.Assembler
	open      int       // connections that the assembler knows
	now       time.Time // of the last packet; it never goes back
	swept     time.Time
	since     int         // packets since then
	tried     time.Time   // when room was made for the last time
	finishing bool        // the capture is over
	over      *connection // it is to be taken out of the assembler, once that has returned
	again     bool        // because another one begins on the same addresses and ports
	past      past

	connections map[*connection]struct{} // of a live capture, those that are open
	latest      time.Time                // of a live capture, when the last packet was captured
	arrived     time.Time                // and when it was read
	ticked      time.Time                // when all connections were looked at

	held       int // bytes that wait, of all connections
	unanswered int // bytes of connections in which an answer is waited for
	pool       wire.Pool
}

func newStreams(s *session) *streams {
	t := &streams{session: s, connections: map[*connection]struct{}{}}
	t.assembler = reassembly.NewAssembler(reassembly.NewStreamPool(t))
	t.assembler.MaxBufferedPagesTotal, t.assembler.MaxBufferedPagesPerConnection = s.Bounds.Pages, max(s.Bounds.Pages/16, 1)
	return t
}

// A ticket goes through the assembler with a segment.
type ticket struct {
	when time.Time
	ack  int64 // acknowledgement of the segment; -1 if it has none
}

// GetCaptureInfo is the ticket in the only form that the assembler gives back for queued segments:
// the acknowledgment is in the place of the interface.
func (c *ticket) GetCaptureInfo() gopacket.CaptureInfo {
	return gopacket.CaptureInfo{Timestamp: c.when, InterfaceIndex: int(c.ack)}
}

// packet takes the next segment.
func (t *streams) packet(network gopacket.Flow, tcp *layers.TCP, when time.Time) {
	if when.After(t.now) {
		t.now = when
	}
	if tcp.SYN && t.open >= t.Bounds.Connections {
		t.makeRoom()
	}
	if t.Live {
		t.arrive(when)
	}
	t.assemble(network, tcp)
	if t.over != nil {
		again := t.again
		t.drop()
		if again {
			t.assemble(network, tcp)
		}
	}
	if t.since++; t.now.Sub(t.swept) > queuedFor/4 && t.since > t.open/16 {
		t.swept, t.since = t.now, 0
		t.assembler.FlushWithOptions(reassembly.FlushOptions{T: t.now.Add(-queuedFor)})
	}
}

func (t *streams) assemble(network gopacket.Flow, tcp *layers.TCP) {
	c := &ticket{t.now, -1}
	if tcp.ACK {
		c.ack = int64(tcp.Ack)
	}
	t.assembler.AssembleWithContext(network, tcp, c)
}

// makeRoom gives up connections that are idle. It does not look at all of them for each packet of a
// flood.
func (t *streams) makeRoom() {
	if t.now.Sub(t.tried) < time.Second {
		return
	}
	t.tried = t.now
	for _, idle := range idleFor {
		if t.open >= t.Bounds.Connections {
			t.assembler.FlushCloseOlderThan(t.now.Add(-idle))
		}
	}
}

// drop removes a connection that is over from the assembler, which supports that only by a reset of
// both directions.
func (t *streams) drop() {
	c := t.over
	t.over, t.again, c.dropped = nil, false, true
	c.end(wire.CauseDrain)
	t.past.add(c.key)
	for _, k := range [...]key{c.key, c.key.reverse()} {
		var b [20]byte
		copy(b[0:], k.transport.Src().Raw())
		copy(b[2:], k.transport.Dst().Raw())
		b[12], b[13] = 5<<4, 4 // the length, in words of 32 bits; RST
		var reset layers.TCP
		if reset.DecodeFromBytes(b[:], gopacket.NilDecodeFeedback) == nil {
			t.assemble(k.network, &reset)
		}
	}
}

// finish reports what is still open at the end of the capture.
func (t *streams) finish() {
	t.finishing = true
	t.assembler.FlushAll()
}

// New is called by the assembler for a segment of a connection that it does not know.
func (t *streams) New(network, transport gopacket.Flow, tcp *layers.TCP, _ reassembly.AssemblerContext) reassembly.Stream {
	k := key{network, transport}
	switch {
	case tcp.RST, !tcp.SYN && (len(tcp.Payload) == 0 || t.past.has(k)):
		return nil // the end of a connection that is over already
	case t.open >= t.Bounds.Connections:
		if tcp.SYN && !tcp.ACK {
			t.report.Shed++
		}
		return nil
	}
	c := &connection{streams: t, key: k, client: nobody, first: nobody, fresh: true, live: new(live)}
	c.ends[0].syn, c.ends[1].syn = unset, unset
	t.open++
	t.report.Connections++
	if t.Live {
		t.connections[c] = struct{}{}
	}
	switch {
	case tcp.SYN && !tcp.ACK:
		c.begin(0)
	case tcp.SYN:
		c.begin(1)
	default:
		t.report.Midway++
		c.midway = true
	}
	return c
}

// A key identifies a connection: addresses and ports of its first packet.
type key struct{ network, transport gopacket.Flow }

func (k key) reverse() key { return key{k.network.Reverse(), k.transport.Reverse()} }

// addresses are those of the two ends: of the sender of the first packet, and of the other one.
func (k key) addresses() (addresses [2]string) {
	hosts := [2]gopacket.Endpoint{k.network.Src(), k.network.Dst()}
	ports := [2]gopacket.Endpoint{k.transport.Src(), k.transport.Dst()}
	for i := range addresses {
		host, _ := netip.AddrFromSlice(hosts[i].Raw())
		addresses[i] = netip.AddrPortFrom(host, binary.BigEndian.Uint16(ports[i].Raw())).String()
	}
	return addresses
}
