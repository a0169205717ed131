package capture

import (
	"slices"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

// A decoder finds the TCP segment in a packet. Its result is valid until the next packet.
type decoder struct {
	parsers map[gopacket.LayerType]*gopacket.DecodingLayerParser
	found   []gopacket.LayerType

	ethernet layers.Ethernet
	vlan     layers.Dot1Q
	sll      layers.LinuxSLL
	sll2     layers.LinuxSLL2
	loopback layers.Loopback
	ip4      layers.IPv4
	ip6      layers.IPv6
	skipped  layers.IPv6ExtensionSkipper
	tcp      layers.TCP

	network gopacket.Flow // the addresses
	tunnel  string        // the innermost encapsulation
	cut     bool          // the packet ends before its layers do
}

// The kinds of packets.
type decoded uint8

const (
	decodedOther    decoded = iota // no TCP
	decodedTCP                     // tcp and network are set
	decodedDamaged                 // it cannot be decoded
	decodedFragment                // a fragment of an IP packet
	decodedUnlinked                // its link type is not read
	decodedTunnel                  // an encapsulation that is not opened; tunnel is its name
)

func newDecoder() *decoder {
	return &decoder{parsers: map[gopacket.LayerType]*gopacket.DecodingLayerParser{}}
}

// known reports whether packets of that link type are read.
func known(link layers.LinkType) bool { return linkLayer(link, nil) != gopacket.LayerTypeZero }

// linkLayer is the layer that a packet of that link type begins with.
func linkLayer(link layers.LinkType, b []byte) gopacket.LayerType {
	switch link {
	case layers.LinkTypeEthernet:
		return layers.LayerTypeEthernet
	case layers.LinkTypeLinuxSLL:
		return layers.LayerTypeLinuxSLL
	case layers.LinkTypeLinuxSLL2:
		return layers.LayerTypeLinuxSLL2
	case layers.LinkTypeNull, layers.LinkTypeLoop:
		return layers.LayerTypeLoopback
	case layers.LinkTypeIPv4:
		return layers.LayerTypeIPv4
	case layers.LinkTypeIPv6:
		return layers.LayerTypeIPv6
	case layers.LinkTypeRaw, 12, 14: // raw IP as BSDs write it
		if len(b) > 0 && b[0]>>4 == 6 {
			return layers.LayerTypeIPv6
		}
		return layers.LayerTypeIPv4
	}
	return gopacket.LayerTypeZero
}

func (d *decoder) parser(first gopacket.LayerType) *gopacket.DecodingLayerParser {
	p := d.parsers[first]
	if p == nil {
		p = gopacket.NewDecodingLayerParser(first)
		p.SetDecodingLayerContainer(gopacket.DecodingLayerArray(nil))
		for _, each := range []gopacket.DecodingLayer{
			&d.ethernet, &d.ip4, &d.tcp, &d.ip6, &d.vlan, &d.sll, &d.sll2, &d.loopback, &d.skipped,
		} {
			p.AddDecodingLayer(each)
		}
		p.IgnoreUnsupported = true
		d.parsers[first] = p
	}
	return p
}

// decode finds the segment, also in encapsulations. If an inner packet is damaged, tunnel has the
// name of its encapsulation.
func (d *decoder) decode(link layers.LinkType, b []byte) decoded {
	first := linkLayer(link, b)
	if first == gopacket.LayerTypeZero {
		return decodedUnlinked
	}
	d.tunnel = ""
	for range maxTunnels {
		if is := d.layers(first, b); is != decodedOther {
			return is
		}
		in := d.inside()
		if in.name == "" {
			return decodedOther
		}
		d.tunnel = in.name
		if in.first == gopacket.LayerTypeZero {
			return decodedTunnel
		}
		first, b = in.first, in.rest
	}
	return decodedTunnel
}

// layers decodes as far as gopacket can.
func (d *decoder) layers(first gopacket.LayerType, b []byte) decoded {
	p := d.parser(first)
	err := p.DecodeLayers(b, &d.found)
	at := len(d.found) - 1
	if d.cut = p.Truncated; err != nil || at < 0 {
		return decodedDamaged
	}
	if slices.Contains(d.found, layers.LayerTypeIPv6Fragment) ||
		d.found[at] == layers.LayerTypeIPv4 && (d.ip4.FragOffset > 0 || d.ip4.Flags&layers.IPv4MoreFragments != 0) {
		return decodedFragment
	}
	if d.found[at] != layers.LayerTypeTCP {
		return decodedOther
	}
	for at--; at >= 0; at-- { // the innermost addresses
		switch d.found[at] {
		case layers.LayerTypeIPv4:
			d.network = d.ip4.NetworkFlow()
			return decodedTCP
		case layers.LayerTypeIPv6:
			d.network = d.ip6.NetworkFlow()
			return decodedTCP
		}
	}
	return decodedOther
}
