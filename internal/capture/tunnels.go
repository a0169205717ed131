package capture

import (
	"encoding/binary"
	"fmt"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

// maxTunnels is how many encapsulations within each other are opened.
const maxTunnels = 8

// An inner packet is the payload of an encapsulation. The zero value cannot carry TCP.
type inner struct {
	name  string             // of the encapsulation
	first gopacket.LayerType // that the packet begins with; zero if the encapsulation is not opened
	rest  []byte
}

// within names an inner packet after the encapsulation around it.
func (in inner) within(name string) inner {
	switch {
	case in.name == "":
	case in.first == gopacket.LayerTypeZero:
		in.name = name + " with " + in.name
	default:
		in.name = name
	}
	return in
}

// inside returns the payload of the last decoded layer.
func (d *decoder) inside() inner {
	switch last := d.found[len(d.found)-1]; last {
	case layers.LayerTypeEthernet:
		return fromEther(d.ethernet.EthernetType, d.ethernet.Payload)
	case layers.LayerTypeDot1Q:
		return fromEther(d.vlan.Type, d.vlan.Payload)
	case layers.LayerTypeLinuxSLL:
		return fromEther(d.sll.EthernetType, d.sll.Payload)
	case layers.LayerTypeLinuxSLL2:
		return fromEther(d.sll2.ProtocolType, d.sll2.Payload)
	case layers.LayerTypeIPv4:
		return fromIP(d.ip4.Protocol, d.ip4.Payload)
	case layers.LayerTypeIPv6:
		return fromIP(d.ip6.NextHeader, d.ip6.Payload)
	default:
		if layers.LayerClassIPv6Extension.Contains(last) {
			return fromIP(d.skipped.NextHeader, d.skipped.Payload)
		}
	}
	return inner{}
}

// fromEther returns the payload of a frame of that type.
func fromEther(t layers.EthernetType, b []byte) inner {
	switch t {
	case layers.EthernetTypeIPv4:
		return inner{"IPv4", layers.LayerTypeIPv4, b}
	case layers.EthernetTypeIPv6:
		return inner{"IPv6", layers.LayerTypeIPv6, b}
	case layers.EthernetTypeTransparentEthernetBridging:
		return inner{"Ethernet", layers.LayerTypeEthernet, b}
	case 0x9100, 0x9200: // older types of outer tags
		return inner{"VLAN", layers.LayerTypeDot1Q, b}
	case layers.EthernetTypeMPLSUnicast, layers.EthernetTypeMPLSMulticast:
		return openMPLS(b)
	case layers.EthernetTypePPPoESession:
		return inner{name: "PPPoE"}
	case layers.EthernetTypePPP:
		return inner{name: "PPP"}
	case 0x88e5:
		return inner{name: "MACsec"}
	case 0x88e7:
		return inner{name: "PBB"}
	case 0x894f:
		return inner{name: "NSH"}
	case 0x22f3:
		return inner{name: "TRILL"}
	case 0x8903:
		return inner{name: "FabricPath"}
	case 0x8926:
		return inner{name: "VN-Tag"}
	case 0x893f:
		return inner{name: "802.1BR"}
	case layers.EthernetTypeARP, layers.EthernetTypePPPoEDiscovery, layers.EthernetTypeEAPOL, layers.EthernetTypeLinkLayerDiscovery,
		layers.EthernetTypeEthernetCTP, layers.EthernetTypeCiscoDiscovery, layers.EthernetTypeNortelDiscovery,
		0x0842, 0x8035, 0x8809, 0x8892, 0x8899, 0x88a4, 0x88e1, 0x88f5, 0x88f6, 0x88f7, 0x8902, 0x8906, 0x8914, 0x22ea, 0x22f0: // of the link itself
		return inner{}
	}
	if t < 0x600 { // a length: LLC
		return inner{}
	}
	return inner{name: fmt.Sprintf("EtherType 0x%04x", uint16(t))}
}

// fromIP returns the payload of an IP packet with that protocol. IP in IP was decoded before.
func fromIP(p layers.IPProtocol, b []byte) inner {
	switch p {
	case layers.IPProtocolUDP:
		return fromUDP(b)
	case layers.IPProtocolGRE:
		return openGRE(b)
	case layers.IPProtocolMPLSInIP:
		return openMPLS(b)
	case layers.IPProtocolESP:
		return inner{name: "ESP"}
	case layers.IPProtocolAH:
		return inner{name: "AH"}
	case layers.IPProtocolEtherIP:
		return inner{name: "EtherIP"}
	case 115:
		return inner{name: "L2TP"}
	case layers.IPProtocolICMPv4, layers.IPProtocolIGMP, layers.IPProtocolICMPv6, layers.IPProtocolNoNextHeader, layers.IPProtocolTCP,
		layers.IPProtocolOSPF, layers.IPProtocolVRRP, layers.IPProtocolSCTP, layers.IPProtocolUDPLite, 46, 88, 103: // RSVP, EIGRP, PIM
		return inner{}
	}
	return inner{name: fmt.Sprintf("IP protocol %d", uint8(p))}
}

// fromUDP returns the payload of a datagram to the port of an encapsulation.
func fromUDP(b []byte) inner {
	if len(b) < 8 {
		return inner{}
	}
	port, b := binary.BigEndian.Uint16(b[2:]), b[8:]
	switch port {
	case 4789, 8472: // Linux used the second one before there was a standard
		return openVXLAN(b)
	case 6081:
		return openGeneve(b)
	case 2152:
		return openGTP(b)
	case 6635:
		return openMPLS(b)
	case 1701:
		return inner{name: "L2TP"}
	case 3544:
		return inner{name: "Teredo"}
	case 4500:
		return inner{name: "ESP in UDP"}
	case 4754:
		return inner{name: "GRE in UDP"}
	case 4790:
		return inner{name: "VXLAN-GPE"}
	case 5247:
		return inner{name: "CAPWAP"}
	case 51820: // clients also get this port by chance
		if len(b) >= 4 && 1 <= b[0] && b[0] <= 4 && b[1]|b[2]|b[3] == 0 {
			return inner{name: "WireGuard"}
		}
	}
	return inner{}
}

// openVXLAN opens VXLAN (RFC 7348 §5).
func openVXLAN(b []byte) inner {
	if len(b) < 8 || b[0]&0x08 == 0 {
		return inner{name: "VXLAN"}
	}
	return inner{"VXLAN", layers.LayerTypeEthernet, b[8:]}
}

// openGeneve opens Geneve (RFC 8926 §3.4).
func openGeneve(b []byte) inner {
	if len(b) < 8 || b[0]>>6 != 0 {
		return inner{name: "Geneve"}
	}
	at := 8 + 4*int(b[0]&0x3f)
	if at > len(b) {
		return inner{name: "Geneve"}
	}
	return fromEther(layers.EthernetType(binary.BigEndian.Uint16(b[2:])), b[at:]).within("Geneve")
}

// openGTP opens GTP-U (3GPP TS 29.281 §5).
func openGTP(b []byte) inner {
	closed := inner{name: "GTP-U"}
	switch {
	case len(b) < 8 || b[0]>>5 != 1:
		return closed
	case b[1] != 255: // signalling
		return inner{}
	}
	at := 8
	if b[0]&7 != 0 {
		at = 12
	}
	if at > len(b) {
		return closed
	}
	if b[0]&4 != 0 {
		for next := b[11]; next != 0; next = b[at-1] { // extension headers, each with its length in front and the next type at its end
			if at >= len(b) || b[at] == 0 || at+4*int(b[at]) > len(b) {
				return closed
			}
			at += 4 * int(b[at])
		}
	}
	switch first := ipVersion(b[at:]); first {
	case gopacket.LayerTypeZero:
		return closed
	default:
		return inner{"GTP-U", first, b[at:]}
	}
}

// openGRE opens GRE (RFC 2784 §2, RFC 2890) and ERSPAN in it.
func openGRE(b []byte) inner {
	if len(b) < 4 {
		return inner{name: "GRE"}
	}
	flags, protocol := binary.BigEndian.Uint16(b), layers.EthernetType(binary.BigEndian.Uint16(b[2:]))
	switch {
	case flags&7 == 1:
		return inner{name: "PPTP"}
	case flags&7 != 0 || flags&0x4000 != 0:
		return inner{name: "GRE with source routing or of another version"}
	}
	at := 4
	for _, flag := range [...]uint16{0x8000, 0x2000, 0x1000} { // checksum, key, sequence number
		if flags&flag != 0 {
			at += 4
		}
	}
	switch {
	case protocol == layers.EthernetTypeERSPAN && flags&0x1000 != 0: // type II; type I has no header
		at += 8
	case protocol == 0x22eb: // type III, perhaps with a part of the platform's own
		if at += 12; at <= len(b) && b[at-1]&1 != 0 {
			at += 8
		}
	}
	switch {
	case at > len(b):
		return inner{name: "GRE"}
	case protocol == layers.EthernetTypeERSPAN, protocol == 0x22eb:
		return inner{"ERSPAN", layers.LayerTypeEthernet, b[at:]}
	case protocol == 0: // a keep-alive
		return inner{}
	}
	return fromEther(protocol, b[at:]).within("GRE")
}

// openMPLS removes labels. Their payload has no type: it is IP, or an Ethernet frame with or
// without a control word (RFC 4448 §4.6).
func openMPLS(b []byte) inner {
	for range 16 {
		if len(b) < 4 {
			break
		}
		last := b[2]&1 != 0
		if b = b[4:]; !last {
			continue
		}
		switch first := ipVersion(b); {
		case first != gopacket.LayerTypeZero:
			return inner{"MPLS", first, b}
		case len(b) > 4 && b[0]>>4 == 0 && beginsFrame(b[4:]):
			return inner{"MPLS", layers.LayerTypeEthernet, b[4:]}
		case beginsFrame(b):
			return inner{"MPLS", layers.LayerTypeEthernet, b}
		}
		break
	}
	return inner{name: "MPLS"}
}

// ipVersion is the layer of an IP packet, by its first byte; zero if it is none.
func ipVersion(b []byte) gopacket.LayerType {
	switch {
	case len(b) < 20:
	case b[0]>>4 == 4:
		return layers.LayerTypeIPv4
	case b[0]>>4 == 6:
		return layers.LayerTypeIPv6
	}
	return gopacket.LayerTypeZero
}

// beginsFrame reports whether bytes look like an Ethernet frame that carries IP.
func beginsFrame(b []byte) bool {
	if len(b) < 14 {
		return false
	}
	switch layers.EthernetType(binary.BigEndian.Uint16(b[12:])) {
	case layers.EthernetTypeIPv4, layers.EthernetTypeIPv6, layers.EthernetTypeARP, layers.EthernetTypeDot1Q, layers.EthernetTypeQinQ:
		return true
	}
	return false
}
