package capture

import (
	"sort"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/reassembly"

	"github.com/interlock-proxy/interlock/internal/tlsread"
	"github.com/interlock-proxy/interlock/wire"
	"github.com/interlock-proxy/interlock/wire/h2"
)

// missingFor is how long acknowledged bytes may be missing, in the time of the packets: the two
// directions of a capture may be out of step, but not for long.
const missingFor = 2 * time.Second

// unset is a sequence number that is not known.
const unset = reassembly.Sequence(-1)

// nobody means that the end of a connection is unknown.
const nobody = -1

// A connection is one TCP connection of a capture. Its ends are numbered: 0 sent the first packet.
//
// The assembler puts the bytes of each end in order. A piece is passed on only after everything
// that its sender had acknowledged. So no answer precedes its question, however the capture was
// shuffled, and acknowledged bytes that never come are known to be missing.
type connection struct {
	streams *streams
	key     key
	client  int       // number of the client's end, or nobody
	first   int       // number of the end that closed first, or nobody
	fresh   bool      // no packet has come yet
	midway  bool      // it had begun before the capture
	framed  bool      // and something of it is frames of HTTP/2
	sealed  bool      // or records of TLS
	dropped bool      // the assembler is about to drop it
	gap     time.Time // since when acknowledged bytes are missing; zero if none are
	ends    [2]end
	*live   // nil when nothing more can be learned
}

// An end is one end of a connection, and the progress of its bytes in TCP sequence numbers.
type end struct {
	known  bool                // the numbers are
	begun  bool                // the assembler has something of it
	syn    reassembly.Sequence // the number of its SYN; unset without one
	put    reassembly.Sequence // after the last byte in order
	taken  reassembly.Sequence // after the last byte that was passed on
	acked  reassembly.Sequence // the highest one acknowledged by the other end
	closed bool
}

func (e *end) start(at reassembly.Sequence) {
	if !e.known {
		e.known, e.put, e.taken, e.acked = true, at, at, at
	}
}

// missing reports whether bytes were acknowledged that have not gone on.
func (e *end) missing() bool { return e.known && e.taken.Difference(e.acked) > 0 }

func side(d reassembly.TCPFlowDirection) int {
	if d == reassembly.TCPDirServerToClient { // the assembler's word for against the first packet
		return 1
	}
	return 0
}

// Accept is called by the assembler for each segment of the connection. It reports whether the
// segment should be put in order.
func (c *connection) Accept(tcp *layers.TCP, _ gopacket.CaptureInfo, d reassembly.TCPFlowDirection, next reassembly.Sequence, start *bool, _ reassembly.AssemblerContext) bool {
	if c.dropped {
		tcp.Seq, *start = uint32(next), true
		return true
	}
	i := side(d)
	if tcp.SYN && !tcp.ACK && !c.fresh && c.ends[i].syn != reassembly.Sequence(tcp.Seq) {
		c.streams.over, c.streams.again = c, true
		return false
	}
	c.fresh = false
	if c.live != nil {
		c.tick()
		c.rest()
	}
	if c.live != nil && !c.gap.IsZero() && c.streams.now.Sub(c.gap) > missingFor {
		c.lose()
	}
	switch {
	case tcp.RST:
		c.reset(i, tcp, next)
		return false
	case c.live == nil:
		if c.ends[i].closed = c.ends[i].closed || tcp.FIN; c.ends[0].closed && c.ends[1].closed {
			c.streams.over = c
		}
		return false
	}
	c.acknowledge(i, tcp)
	return c.live != nil && c.accept(&c.ends[i], tcp, next, start)
}

// accept notes where the numbers of an end begin.
func (c *connection) accept(e *end, tcp *layers.TCP, next reassembly.Sequence, start *bool) bool {
	at := reassembly.Sequence(tcp.Seq)
	switch {
	case tcp.SYN:
		if next == unset {
			e.syn, e.begun = at, true
			if e.start(at.Add(1)); e.put != at.Add(1) {
				c.lose() // it was not the beginning
				return false
			}
		}
		return true
	case len(tcp.Payload) == 0 && !tcp.FIN:
		return false
	case next != unset:
		return true
	case c.client == nobody:
		e.start(at)
	case !e.known || e.put.Difference(at) > 0 || e.put != at && !c.midway:
		c.lose() // the bytes before it are unknown
		return false
	}
	e.put, e.begun, *start = at, true, true
	return true
}

// acknowledge records an acknowledgement of one end.
func (c *connection) acknowledge(i int, tcp *layers.TCP) {
	other := &c.ends[1-i]
	if !tcp.ACK {
		return
	}
	got := reassembly.Sequence(tcp.Ack)
	if c.client == nobody || tcp.SYN || c.ends[i].put == reassembly.Sequence(tcp.Seq) { // else more may have been acknowledged before
		other.start(got)
	}
	if other.acked.Difference(got) > 0 {
		other.acked = got
	}
	c.watch()
}

// watch records whether acknowledged bytes are missing.
func (c *connection) watch() {
	switch {
	case c.live == nil:
	case c.client == nobody || c.talk.Switched() || !c.ends[0].missing() && !c.ends[1].missing():
		c.gap = time.Time{}
	case c.gap.IsZero():
		c.gap = c.streams.now
	}
}

// reset ends a connection that was reset. A reset with another sequence number than the sender's
// has no effect (RFC 5961 §3.2).
func (c *connection) reset(i int, tcp *layers.TCP, next reassembly.Sequence) {
	if next != unset && reassembly.Sequence(tcp.Seq) != next {
		return
	}
	causes := [2]wire.Cause{wire.CauseClientReset, wire.CauseServerReset}
	if c.first == nobody {
		c.first = i
	} else {
		causes = [2]wire.Cause{wire.CauseClient, wire.CauseServer}
	}
	cause := causes[1]
	if c.first == c.client {
		cause = causes[0]
	}
	c.end(cause)
	c.streams.over = c
}

// ReassembledSG is called by the assembler with bytes of one end in order.
func (c *connection) ReassembledSG(sg reassembly.ScatterGather, last reassembly.AssemblerContext) {
	if c.live == nil {
		return
	}
	d, _, fin, missing := sg.Info()
	i := side(d)
	if missing > 0 && !c.skip(i, missing) {
		return
	}
	n, _ := sg.Lengths()
	b := sg.Fetch(n)
	if n == 0 {
		c.take(i, b, reassembly.Sequence(last.GetCaptureInfo().InterfaceIndex), fin)
		return
	}
	for from := 0; c.live != nil; {
		need := reassembly.Sequence(sg.CaptureInfo(from).InterfaceIndex)
		to := n
		if sg.Stats().Chunks > 1 {
			to = from + sort.Search(n-from, func(k int) bool { return sg.CaptureInfo(from+k).InterfaceIndex != int(need) })
		}
		c.take(i, b[from:to], need, fin && to == n)
		if from = to; from == n {
			return
		}
	}
}

// skip steps over bytes that will not come. It is false if the connection cannot be read any
// further then.
func (c *connection) skip(i, missing int) bool {
	e := &c.ends[i]
	switch {
	case c.client == nobody:
	case c.tls != nil:
		c.lose()
		return false
	case c.talk.Multiplexed() && int64(missing) <= c.talk.Skippable(c.direction(i)):
		c.talk.Skip(c.direction(i), int64(missing), c.streams.now)
		c.talk.Wrote(c.direction(i), missing)
	case c.talk.Switched():
		d := c.direction(i)
		if c.talk.Recording(d) && !c.muted[d] {
			c.muted[d] = true
			c.streams.report.Lost++
		}
		if int64(missing) <= c.talk.Skippable(d) {
			c.talk.Skip(d, int64(missing), c.streams.now)
		} else {
			c.talk.Missed(d)
		}
		c.talk.Wrote(d, missing)
	default:
		c.lose()
		return false
	}
	e.put = e.put.Add(missing)
	e.taken = e.put
	return true
}

// take takes the next bytes of one end in order, with the acknowledgement for the other end, and
// passes on everything that may go.
func (c *connection) take(i int, b []byte, need reassembly.Sequence, fin bool) {
	e := &c.ends[i]
	at := e.put
	e.put = at.Add(length(b, fin))
	if old := at.Difference(e.taken); old > 0 { // from before the first request that was seen
		b = b[min(old, len(b)):]
	}
	if c.client == nobody {
		if !beginsRequest(b) {
			c.framed, c.sealed = c.framed || h2.Framed(b), c.sealed || tlsread.Sealed(b)
			e.taken = e.put
			e.closed = e.closed || fin
			return
		}
		c.begin(i)
		if !c.ends[1-i].resume(need) {
			c.lose()
			return
		}
	}
	c.queue = append(c.queue, piece{from: i, bytes: b, fin: fin, need: need})
	c.drain()
	c.watch()
	c.keep()
}

// resume continues an end of a connection that was found midway after the bytes that the request
// acknowledges. It returns false if that end has continued already.
func (e *end) resume(at reassembly.Sequence) bool {
	if at == unset || e.known && at.Difference(e.taken) > 0 {
		return false
	}
	e.start(at)
	if e.taken = at; !e.begun {
		e.put = at
	}
	return true
}

// length is how far bytes and the end of a direction reach in numbers of TCP.
func length(b []byte, fin bool) int {
	if fin {
		return len(b) + 1
	}
	return len(b)
}

// ReassemblyComplete is called by the assembler when the connection is over or given up.
func (c *connection) ReassemblyComplete(reassembly.AssemblerContext) bool {
	t := c.streams
	t.open--
	delete(t.connections, c)
	t.past.add(c.key)
	switch {
	case c.live == nil:
	case t.finishing:
		t.report.Open++
		c.end(wire.CauseDrain)
	default:
		c.end(wire.CauseTimeout)
	}
	return true
}
