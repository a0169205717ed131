package capture

import (
	"encoding/binary"
	"errors"
	"io"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
)

// isPcapNG reports whether a file begins with a section header block.
func isPcapNG(begin []byte) bool {
	return len(begin) >= 4 && binary.BigEndian.Uint32(begin) == 0x0a0d0d0a
}

func readPcapNG(s *session) error {
	r, err := pcapgo.NewNgReader(io.TeeReader(s.src, &secretsIn{log: s.Secrets}), pcapgo.NgReaderOptions{WantMixedLinkType: true, SkipUnknownVersion: true})
	if err != nil {
		return endsEarly(err)
	}
	return s.packets(func() ([]byte, gopacket.CaptureInfo, layers.LinkType, error) {
		b, info, err := r.ZeroCopyReadPacketData()
		if errors.Is(err, io.EOF) && s.count.err != nil && !errors.Is(s.count.err, io.EOF) {
			err = s.count.err // pcapgo takes any error where a block would begin for the end of the file
		}
		link := layers.LinkType(0)
		if len(info.AncillaryData) > 0 {
			link, _ = info.AncillaryData[0].(layers.LinkType)
		}
		return b, info, link, err
	})
}
