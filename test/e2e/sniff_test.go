//go:build e2e && linux

package e2e

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// A sniffer captures loopback traffic from and to some ports, as tcpdump does.
type sniffer struct {
	t      testing.TB
	socket int
	ended  chan struct{}

	mu      sync.Mutex
	packets []packet
}

type packet struct {
	at    time.Time
	bytes []byte
}

// sniff begins to capture. It ends with the test, or with stop.
func sniff(t testing.TB, ports ...uint16) *sniffer {
	t.Helper()
	loopback, err := net.InterfaceByName("lo")
	if err != nil {
		t.Fatal(err)
	}
	everything := binary.BigEndian.Uint16(binary.NativeEndian.AppendUint16(nil, unix.ETH_P_ALL))
	r := &sniffer{t: t, ended: make(chan struct{})}
	if r.socket, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0); err != nil {
		t.Fatalf("open a packet socket: %v: run the test as root or with CAP_NET_RAW", err)
	}
	filter := only(t, ports)
	err = errors.Join(
		unix.SetsockoptInt(r.socket, unix.SOL_SOCKET, unix.SO_RCVBUF, 64<<20),
		unix.SetsockoptSockFprog(r.socket, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}),
		unix.SetsockoptTimeval(r.socket, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 20_000}),
		unix.Bind(r.socket, &unix.SockaddrLinklayer{Protocol: everything, Ifindex: loopback.Index}),
	)
	if err != nil {
		unix.Close(r.socket)
		t.Fatalf("capture on loopback: %v", err)
	}
	over := make(chan struct{})
	go r.run(over)
	t.Cleanup(func() {
		close(over)
		<-r.ended
		unix.Close(r.socket)
	})
	return r
}

// only returns a filter that passes IPv4 TCP packets from and to some ports.
func only(t testing.TB, ports []uint16) []unix.SockFilter {
	t.Helper()
	program := []bpf.Instruction{
		bpf.LoadAbsolute{Off: 12, Size: 2}, bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: uint32(layers.EthernetTypeIPv4), SkipTrue: uint8(5 + 2*len(ports))},
		bpf.LoadAbsolute{Off: 23, Size: 1}, bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.IPPROTO_TCP, SkipTrue: uint8(3 + 2*len(ports))},
		bpf.LoadMemShift{Off: 14},
	}
	for i, offset := range []uint32{14, 16} {
		program = append(program, bpf.LoadIndirect{Off: offset, Size: 2})
		for j, port := range ports {
			program = append(program, bpf.JumpIf{Cond: bpf.JumpEqual, Val: uint32(port), SkipTrue: uint8((1-i)*(1+len(ports)) + len(ports) - j)})
		}
	}
	program = append(program, bpf.RetConstant{Val: 0}, bpf.RetConstant{Val: 1 << 18})
	raw, err := bpf.Assemble(program)
	if err != nil {
		t.Fatal(err)
	}
	filter := make([]unix.SockFilter, len(raw))
	for i, each := range raw {
		filter[i] = unix.SockFilter{Code: each.Op, Jt: each.Jt, Jf: each.Jf, K: each.K}
	}
	return filter
}

func (r *sniffer) run(over chan struct{}) {
	defer close(r.ended)
	b := make([]byte, 1<<18)
	for {
		n, from, err := unix.Recvfrom(r.socket, b, 0)
		at := time.Now()
		select {
		case <-over:
			return
		default:
		}
		address, _ := from.(*unix.SockaddrLinklayer)
		if err != nil || address == nil || address.Pkttype == unix.PACKET_OUTGOING { // loopback delivers each packet twice
			continue
		}
		r.mu.Lock()
		r.packets = append(r.packets, packet{at, bytes.Clone(b[:n])})
		r.mu.Unlock()
	}
}

// until waits until the sniffer has captured everything sent so far. It connects to a listener and
// waits for the end of that connection in the capture.
func (r *sniffer) until(listener string) {
	r.t.Helper()
	conn := dial(r.t, listener)
	port := uint16(conn.LocalAddr().(*net.TCPAddr).Port)
	conn.SetLinger(0)
	conn.Close()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); !r.has(port); <-tick.C {
		if time.Now().After(deadline) {
			r.t.Fatal("the end of the last connection is not captured")
		}
	}
	stats, err := unix.GetsockoptTpacketStats(r.socket, unix.SOL_PACKET, unix.PACKET_STATISTICS)
	if err != nil || stats.Drops > 0 {
		r.t.Fatalf("the capture lacks packets: %+v, %v", stats, err)
	}
}

// has reports whether a reset from a port was captured.
func (r *sniffer) has(port uint16) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.packets {
		tcp := p.bytes[14+4*int(p.bytes[14]&15):]
		if binary.BigEndian.Uint16(tcp) == port && tcp[13]&4 != 0 {
			return true
		}
	}
	return false
}

// pcap returns the captured packets from or to one of the ports.
func (r *sniffer) pcap(ports ...uint16) []byte {
	r.t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	var file bytes.Buffer
	w := pcapgo.NewWriter(&file)
	err := w.WriteFileHeader(1<<18, layers.LinkTypeEthernet)
	for _, p := range r.packets {
		tcp := p.bytes[14+4*int(p.bytes[14]&15):]
		for _, port := range ports {
			if binary.BigEndian.Uint16(tcp) == port || binary.BigEndian.Uint16(tcp[2:]) == port {
				err = errors.Join(err, w.WritePacket(gopacket.CaptureInfo{Timestamp: p.at, CaptureLength: len(p.bytes), Length: len(p.bytes)}, p.bytes))
				break
			}
		}
	}
	if err != nil {
		r.t.Fatal(err)
	}
	return file.Bytes()
}

// portOf returns the port of an address.
func portOf(t testing.TB, address string) uint16 {
	t.Helper()
	_, text, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		t.Fatal(err)
	}
	return uint16(port)
}
