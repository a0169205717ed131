//go:build e2e

package e2e

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
)

// A packetTap relays connections, and records them as packets of a capture.
type packetTap struct {
	t    *testing.T
	addr string

	mu    sync.Mutex
	pcap  bytes.Buffer
	out   *pcapgo.Writer
	conns int
}

// tapPackets returns a tap in front of an address.
func tapPackets(t *testing.T, to string) *packetTap {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	k := &packetTap{t: t, addr: l.Addr().String()}
	k.out = pcapgo.NewWriter(&k.pcap)
	if err := k.out.WriteFileHeader(1<<16, layers.LinkTypeRaw); err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", to)
			if err != nil {
				near.Close()
				continue
			}
			serving.Go(func() { k.carry(near.(*net.TCPConn), far.(*net.TCPConn)) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		serving.Wait()
	})
	return k
}

// carry relays one connection until both directions have ended.
func (k *packetTap) carry(near, far *net.TCPConn) {
	defer near.Close()
	defer far.Close()
	deadline := time.Now().Add(2 * patience)
	near.SetDeadline(deadline)
	far.SetDeadline(deadline)
	k.mu.Lock()
	k.conns++
	f := &tappedFlow{tap: k, port: layers.TCPPort(40000 + k.conns)}
	f.packet(0, layers.TCP{SYN: true}, nil)
	f.packet(1, layers.TCP{SYN: true}, nil)
	k.mu.Unlock()
	var up sync.WaitGroup
	up.Go(func() { f.oneWay(0, near, far) })
	f.oneWay(1, far, near)
	up.Wait()
}

// A tappedFlow is one connection in a capture.
type tappedFlow struct {
	tap  *packetTap
	port layers.TCPPort
	next [2]uint32
}

// oneWay relays one direction. Bytes are recorded before they go on, so that no answer precedes its question.
func (f *tappedFlow) oneWay(side int, from, to *net.TCPConn) {
	b := make([]byte, 16<<10)
	for {
		n, err := from.Read(b)
		f.tap.mu.Lock()
		if n > 0 {
			f.packet(side, layers.TCP{PSH: true}, b[:n])
		}
		if err != nil {
			f.packet(side, layers.TCP{FIN: true}, nil)
		}
		f.tap.mu.Unlock()
		if n > 0 {
			if _, err := to.Write(b[:n]); err != nil {
				from.Close()
			}
		}
		if err != nil {
			to.CloseWrite()
			return
		}
	}
}

// packet records a packet. The caller holds the lock of the tap.
func (f *tappedFlow) packet(side int, tcp layers.TCP, payload []byte) {
	hosts, ports := [2]net.IP{{192, 0, 2, 1}, {192, 0, 2, 2}}, [2]layers.TCPPort{f.port, 443}
	ip := &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolTCP, SrcIP: hosts[side], DstIP: hosts[1-side]}
	tcp.SrcPort, tcp.DstPort, tcp.Seq, tcp.Window = ports[side], ports[1-side], f.next[side], 1<<15
	if tcp.ACK = !tcp.SYN || side == 1; tcp.ACK {
		tcp.Ack = f.next[1-side]
	}
	if f.next[side] += uint32(len(payload)); tcp.SYN || tcp.FIN {
		f.next[side]++
	}
	b := gopacket.NewSerializeBuffer()
	err := gopacket.SerializeLayers(b, gopacket.SerializeOptions{FixLengths: true}, ip, &tcp, gopacket.Payload(payload))
	if err == nil {
		info := gopacket.CaptureInfo{Timestamp: time.Now(), CaptureLength: len(b.Bytes()), Length: len(b.Bytes())}
		err = f.tap.out.WritePacket(info, b.Bytes())
	}
	if err != nil {
		f.tap.t.Error(err)
	}
}

// write writes the capture so far, and returns its name.
func (k *packetTap) write() string {
	k.t.Helper()
	k.mu.Lock()
	defer k.mu.Unlock()
	name := filepath.Join(k.t.TempDir(), "traffic.pcap")
	if err := os.WriteFile(name, k.pcap.Bytes(), 0o600); err != nil {
		k.t.Fatal(err)
	}
	return name
}
