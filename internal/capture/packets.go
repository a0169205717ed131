package capture

import (
	"errors"
	"io"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

// packets reads packets to the end of the file, which next reports by io.EOF. Packets that were
// read before an error remain reported.
func (s *session) packets(next func() ([]byte, gopacket.CaptureInfo, layers.LinkType, error)) error {
	t := newStreams(s)
	if s.Live {
		s.count.idle = t.idle
	}
	d := newDecoder()
	for {
		at := s.offset()
		b, info, link, err := next()
		if err != nil {
			t.finish()
			if errors.Is(err, io.EOF) {
				return nil
			}
			return &Error{at, endsEarly(err)}
		}
		s.report.Packets++
		s.packet(t, d, b, info, link)
	}
}

// packet takes the next packet.
func (s *session) packet(t *streams, d *decoder, b []byte, info gopacket.CaptureInfo, link layers.LinkType) {
	was := d.decode(link, b)
	cut := info.CaptureLength < info.Length || was == decodedTCP && d.cut
	if cut && (was == decodedTCP || was == decodedDamaged) {
		s.report.Snapped++
		s.report.SnapLength = max(s.report.SnapLength, int64(info.CaptureLength))
	}
	switch was {
	case decodedTCP:
		if cut {
			d.tcp.FIN = false // it comes after bytes that were not captured
		}
		t.packet(d.network, &d.tcp, info.Timestamp)
	case decodedDamaged:
		switch {
		case cut:
		case d.tunnel != "": // or something else that only looks like it
			s.report.notOpened(d.tunnel)
		default:
			s.report.Damaged++
		}
	case decodedTunnel:
		s.report.notOpened(d.tunnel)
	case decodedFragment:
		s.report.Fragments++
	case decodedUnlinked:
		s.report.Unlinked++
	}
}

// endsEarly is the error of a file that ends within a record.
func endsEarly(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("the file ends within a record")
	}
	return err
}
