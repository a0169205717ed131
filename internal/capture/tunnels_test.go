package capture

import (
	"bytes"
	"encoding/binary"
	"net"
	"slices"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
)

// An envelope wraps a frame of Ethernet, or the IP packet in it, in an encapsulation.
type envelope func(f, ip []byte) []byte

// datagram is UDP to a port, in IPv4, in Ethernet.
func datagram(port uint16, payload ...[]byte) []byte {
	ip := &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolUDP, SrcIP: net.IP{198, 51, 100, 1}, DstIP: net.IP{198, 51, 100, 2}}
	udp := &layers.UDP{SrcPort: 33333, DstPort: layers.UDPPort(port)}
	return serialized(ip, udp, gopacket.Payload(slices.Concat(payload...)))
}

// carried is an IP packet of another protocol in Ethernet.
func carried(p layers.IPProtocol, payload ...[]byte) []byte {
	ip := &layers.IPv4{Version: 4, TTL: 64, Protocol: p, SrcIP: net.IP{198, 51, 100, 1}, DstIP: net.IP{198, 51, 100, 2}}
	return serialized(ip, gopacket.Payload(slices.Concat(payload...)))
}

func serialized(all ...gopacket.SerializableLayer) []byte {
	b := gopacket.NewSerializeBuffer()
	if err := gopacket.SerializeLayers(b, gopacket.SerializeOptions{FixLengths: true}, all...); err != nil {
		panic(err)
	}
	return append(bytes.Clone(ethernet.begin), b.Bytes()...)
}

// frame is the head of a frame of Ethernet.
func frame(kind uint16) []byte { return binary.BigEndian.AppendUint16(make([]byte, 12), kind) }

// enveloped is a capture of segments, each wrapped.
func enveloped(t testing.TB, segments []segment, wrap envelope) []byte {
	t.Helper()
	var file bytes.Buffer
	w := pcapgo.NewWriter(&file)
	if err := w.WriteFileHeader(1<<18, ethernet.link); err != nil {
		t.Fatal(err)
	}
	for _, g := range segments {
		f := ethernet.packet(g)
		b := wrap(f, f[14:])
		if err := w.WritePacket(gopacket.CaptureInfo{Timestamp: g.at, CaptureLength: len(b), Length: len(b)}, b); err != nil {
			t.Fatal(err)
		}
	}
	return file.Bytes()
}

func TestEncapsulationsAreOpened(t *testing.T) {
	vxlan := func(f []byte) []byte { return datagram(4789, []byte{8, 0, 0, 0, 0, 0, 1, 0}, f) }
	segments := exchanged()
	want, _ := read(t, ethernet.pcap(t, segments))
	for name, wrap := range map[string]envelope{
		"VXLAN":           func(f, _ []byte) []byte { return vxlan(f) },
		"VXLAN of Linux":  func(f, _ []byte) []byte { return datagram(8472, []byte{8, 0, 0, 0, 0, 0, 1, 0}, f) },
		"VXLAN in VXLAN":  func(f, _ []byte) []byte { return vxlan(vxlan(f)) },
		"Geneve":          func(f, _ []byte) []byte { return datagram(6081, []byte{0, 0, 0x65, 0x58, 0, 0, 1, 0}, f) },
		"Geneve, options": func(f, _ []byte) []byte { return datagram(6081, []byte{1, 0, 0x65, 0x58, 0, 0, 1, 0, 1, 2, 3, 4}, f) },
		"Geneve of IP":    func(_, ip []byte) []byte { return datagram(6081, []byte{0, 0, 8, 0, 0, 0, 1, 0}, ip) },
		"GTP-U":           func(_, ip []byte) []byte { return datagram(2152, []byte{0x30, 255, 0, 0, 0, 0, 0, 1}, ip) },
		"GTP-U, numbered": func(_, ip []byte) []byte { return datagram(2152, []byte{0x32, 255, 0, 0, 0, 0, 0, 1, 0, 7, 0, 0}, ip) },
		"GTP-U, extensions": func(_, ip []byte) []byte {
			return datagram(2152, []byte{0x34, 255, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0x85, 1, 0, 9, 0x85, 1, 0, 9, 0}, ip)
		},
		"GRE": func(_, ip []byte) []byte { return carried(47, []byte{0, 0, 8, 0}, ip) },
		"GRE with a key": func(_, ip []byte) []byte {
			return carried(47, []byte{0xb0, 0, 8, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 1}, ip)
		},
		"GRE of frames": func(f, _ []byte) []byte { return carried(47, []byte{0, 0, 0x65, 0x58}, f) },
		"ERSPAN I":      func(f, _ []byte) []byte { return carried(47, []byte{0, 0, 0x88, 0xbe}, f) },
		"ERSPAN II": func(f, _ []byte) []byte {
			return carried(47, []byte{0x10, 0, 0x88, 0xbe, 0, 0, 0, 1}, make([]byte, 8), f)
		},
		"ERSPAN III": func(f, _ []byte) []byte {
			return carried(47, []byte{0x10, 0, 0x22, 0xeb, 0, 0, 0, 1}, make([]byte, 12), f)
		},
		"ERSPAN III, more": func(f, _ []byte) []byte {
			return carried(47, []byte{0x10, 0, 0x22, 0xeb, 0, 0, 0, 1}, make([]byte, 11), []byte{1}, make([]byte, 8), f)
		},
		"MPLS": func(_, ip []byte) []byte { return slices.Concat(frame(0x8847), []byte{0, 1, 0x01, 64}, ip) },
		"MPLS, three labels": func(_, ip []byte) []byte {
			return slices.Concat(frame(0x8847), []byte{0, 1, 0, 64, 0, 2, 0, 64, 0, 3, 1, 64}, ip)
		},
		"MPLS of frames":     func(f, _ []byte) []byte { return slices.Concat(frame(0x8847), []byte{0, 1, 1, 64}, f) },
		"MPLS, control word": func(f, _ []byte) []byte { return slices.Concat(frame(0x8847), []byte{0, 1, 1, 64, 0, 0, 0, 9}, f) },
		"MPLS in UDP":        func(_, ip []byte) []byte { return datagram(6635, []byte{0, 1, 1, 64}, ip) },
		"MPLS in GRE":        func(_, ip []byte) []byte { return carried(47, []byte{0, 0, 0x88, 0x47, 0, 1, 1, 64}, ip) },
		"an old VLAN tag":    func(_, ip []byte) []byte { return slices.Concat(frame(0x9100), []byte{0, 7, 8, 0}, ip) },
		"IP in IP":           func(_, ip []byte) []byte { return carried(4, ip) },
		"VXLAN in a VLAN":    func(f, _ []byte) []byte { return slices.Concat(frame(0x8100), []byte{0, 7, 8, 0}, vxlan(f)[14:]) },
		"GRE in GRE, GTP in it": func(_, ip []byte) []byte {
			return carried(47, []byte{0, 0, 0x65, 0x58}, datagram(2152, []byte{0x30, 255, 0, 0, 0, 0, 0, 1}, ip))
		},
	} {
		found, report := read(t, enveloped(t, segments, wrap))
		if got := same(found, false); got != same(want, false) || len(report.Notes()) > 0 {
			t.Errorf("%s: got %s, %q", name, got, report.Notes())
		}
		for i, x := range found {
			if x.Client != want[i].Client || x.Backend != want[i].Backend {
				t.Errorf("%s: got %s to %s", name, x.Client, x.Backend)
			}
		}
	}
}

func TestOtherEncapsulationsAreCounted(t *testing.T) {
	for note, wrap := range map[string]envelope{
		"PPPoE": func(_, ip []byte) []byte {
			return slices.Concat(frame(0x8864), []byte{0x11, 0, 0, 1, 0, 40, 0, 0x21}, ip)
		},
		"MACsec":           func(f, _ []byte) []byte { return slices.Concat(frame(0x88e5), make([]byte, 8), f) },
		"EtherType 0x1234": func(_, ip []byte) []byte { return slices.Concat(frame(0x1234), ip) },
		"ESP":              func(_, ip []byte) []byte { return carried(50, ip) },
		"L2TP":             func(_, ip []byte) []byte { return datagram(1701, []byte{0, 2, 0, 1, 0, 2}, ip) },
		"WireGuard":        func(_, ip []byte) []byte { return datagram(51820, []byte{4, 0, 0, 0}, ip) },
		"IP protocol 200":  func(_, ip []byte) []byte { return carried(200, ip) },
		"PPTP":             func(_, ip []byte) []byte { return carried(47, []byte{0x30, 1, 0x88, 0x0b, 0, 9, 0, 0}, ip) },
		"GRE with PPP":     func(_, ip []byte) []byte { return carried(47, []byte{0, 0, 0x88, 0x0b}, ip) },
		"VXLAN":            func(f, _ []byte) []byte { return datagram(8472, []byte{0, 0, 0, 0, 0, 0, 1, 0}, f) },
		"Geneve":           func(f, _ []byte) []byte { return datagram(6081, []byte{63, 0, 0x65, 0x58, 0, 0, 1, 0}) },
		"GTP-U": func(f, _ []byte) []byte {
			return datagram(2152, []byte{0x34, 255, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0x85, 0}, f)
		},
		"MPLS":                      func(f, _ []byte) []byte { return slices.Concat(frame(0x8847), []byte{0, 1, 0, 64}) },
		"GRE with EtherType 0x883e": func(_, ip []byte) []byte { return carried(47, []byte{0, 0, 0x88, 0x3e}, ip) },
	} {
		segments := exchanged()
		found, report := read(t, enveloped(t, segments, wrap))
		if len(found) > 0 || report.NotOpened[note] != int64(len(segments)) || len(report.Notes()) != 1 {
			t.Errorf("%s: got %d, %q", note, len(found), report.Notes())
		}
	}
}

// TestWhatCarriesNoTCPIsNotCounted sends what every network has. None of it could be an exchange.
func TestWhatCarriesNoTCPIsNotCounted(t *testing.T) {
	for name, b := range map[string][]byte{
		"ARP":          slices.Concat(frame(0x0806), make([]byte, 28)),
		"LLDP":         slices.Concat(frame(0x88cc), make([]byte, 28)),
		"LLC":          slices.Concat(frame(38), make([]byte, 38)),
		"ICMP":         carried(1, make([]byte, 8)),
		"DNS":          datagram(53, make([]byte, 30)),
		"to 51820":     datagram(51820, []byte{9, 9, 9, 9}),
		"GTP-U echo":   datagram(2152, []byte{0x32, 1, 0, 4, 0, 0, 0, 0, 0, 7, 0, 0}),
		"ARP in VXLAN": datagram(4789, []byte{8, 0, 0, 0, 0, 0, 1, 0}, frame(0x0806), make([]byte, 28)),
	} {
		_, report := read(t, enveloped(t, exchanged()[:1], func(_, _ []byte) []byte { return b }))
		if len(report.Notes()) > 0 {
			t.Errorf("%s: got %q", name, report.Notes())
		}
	}
}

// TestNamesOfEncapsulationsAreBounded sends every type of frame.
func TestNamesOfEncapsulationsAreBounded(t *testing.T) {
	next := uint16(0)
	file := enveloped(t, make([]segment, 5000), func(_, ip []byte) []byte { next++; return slices.Concat(frame(0x1000+next), ip) })
	_, report := read(t, file)
	if len(report.NotOpened) > maxNotOpened+1 || report.NotOpened["other protocols"] < 4000 {
		t.Errorf("got %v", report.NotOpened)
	}
}

// TestTunnelsThatNest wraps a packet more often than is opened.
func TestTunnelsThatNest(t *testing.T) {
	found, report := read(t, enveloped(t, exchanged(), func(f, _ []byte) []byte {
		for range maxTunnels {
			f = carried(47, []byte{0, 0, 0x65, 0x58}, f)
		}
		return f
	}))
	if len(found) > 0 || report.NotOpened["GRE"] == 0 {
		t.Errorf("got %d, %+v", len(found), report)
	}
}

// FuzzTunnels decodes packets of any kind.
func FuzzTunnels(f *testing.F) {
	g := exchanged()[3]
	f.Add(datagram(4789, []byte{8, 0, 0, 0, 0, 0, 1, 0}, ethernet.packet(g)))
	f.Add(datagram(6081, []byte{1, 0, 0x65, 0x58, 0, 0, 1, 0, 1, 2, 3, 4}, ethernet.packet(g)))
	f.Add(datagram(2152, []byte{0x34, 255, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0x85, 1, 0, 9, 0}, ethernet.packet(g)[14:]))
	f.Add(carried(47, []byte{0x10, 0, 0x22, 0xeb, 0, 0, 0, 1}, make([]byte, 12), ethernet.packet(g)))
	f.Add(slices.Concat(frame(0x8847), []byte{0, 1, 1, 64, 0, 0, 0, 9}, ethernet.packet(g)))
	d := newDecoder()
	f.Fuzz(func(t *testing.T, b []byte) {
		switch is := d.decode(ethernet.link, b); {
		case is == decodedTCP && d.network == (gopacket.Flow{}):
			t.Error("a segment without addresses")
		case is == decodedTunnel && d.tunnel == "":
			t.Error("an encapsulation without a name")
		}
	})
}
