package capture

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
)

// isPcap tells whether a file begins like a capture of libpcap: in either byte order, with microseconds or nanoseconds.
func isPcap(begin []byte) bool {
	if len(begin) < 4 {
		return false
	}
	switch binary.BigEndian.Uint32(begin) {
	case 0xa1b2c3d4, 0xd4c3b2a1, 0xa1b23c4d, 0x4d3cb2a1:
		return true
	}
	return false
}

// isPcapNG tells whether a file begins with a section header block.
func isPcapNG(begin []byte) bool {
	return len(begin) >= 4 && binary.BigEndian.Uint32(begin) == 0x0a0d0d0a
}

func readPcap(s *session) error {
	r, err := pcapgo.NewReader(s.src)
	if err != nil {
		return whole(err)
	}
	if link := r.LinkType(); !known(link) {
		return fmt.Errorf("packets of link type %d (%v) are not read", link, link)
	}
	return s.packets(func() ([]byte, gopacket.CaptureInfo, layers.LinkType, error) {
		b, ci, err := r.ZeroCopyReadPacketData()
		return b, ci, r.LinkType(), err
	})
}

func readPcapNG(s *session) error {
	r, err := pcapgo.NewNgReader(s.src, pcapgo.NgReaderOptions{WantMixedLinkType: true, SkipUnknownVersion: true})
	if err != nil {
		return whole(err)
	}
	return s.packets(func() ([]byte, gopacket.CaptureInfo, layers.LinkType, error) {
		b, ci, err := r.ZeroCopyReadPacketData()
		link := layers.LinkType(0)
		if len(ci.AncillaryData) > 0 {
			link, _ = ci.AncillaryData[0].(layers.LinkType)
		}
		return b, ci, link, err
	})
}

// whole is the error of a file that ends within a record.
func whole(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("the file ends within a record")
	}
	return err
}

// packets reads packets to the end of the file. An error leaves what was read in front of it.
func (s *session) packets(next func() ([]byte, gopacket.CaptureInfo, layers.LinkType, error)) error {
	t := newStreams(s)
	d := newDecoder()
	for {
		at := s.offset()
		b, ci, link, err := next()
		if errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) && s.offset() == at {
			t.finish()
			return nil
		}
		if err != nil {
			t.finish()
			return &Error{at, whole(err)}
		}
		s.report.Packets++
		switch d.decode(link, b) {
		case decodedTCP:
			t.packet(d.network, &d.tcp, ci.Timestamp)
		case decodedDamaged:
			s.report.Damaged++
		case decodedFragment:
			s.report.Fragments++
		case decodedUnlinked:
			s.report.Unlinked++
		}
		if ci.CaptureLength < ci.Length {
			s.report.Damaged++
		}
	}
}
