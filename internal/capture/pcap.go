package capture

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

// maxPacket is the length of the longest packet of a pcap file that is read, in bytes. No program
// captures longer ones.
const maxPacket = 1 << 20

// The magic numbers of pcap files, read in the byte order of the file.
const (
	magicMicroseconds = 0xa1b2c3d4
	magicNanoseconds  = 0xa1b23c4d
	magicExtended     = 0xa1b2cd34 // packet headers have eight bytes more
)

// A pcapReader reads the packets of a pcap file. Versions 2.0 to 2.4 differ in one thing: which of
// the two lengths of a packet comes first.
type pcapReader struct {
	src   io.Reader
	order binary.ByteOrder
	link  layers.LinkType
	minor uint16
	unit  time.Duration // of the fractions of a second
	head  []byte        // of a packet
	data  []byte
}

// pcapOrder is the byte order of a pcap file and its magic number; nil if a file does not begin
// like one.
func pcapOrder(begin []byte) (binary.ByteOrder, uint32) {
	if len(begin) < 4 {
		return nil, 0
	}
	for _, order := range [...]binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		switch magic := order.Uint32(begin); magic {
		case magicMicroseconds, magicNanoseconds, magicExtended:
			return order, magic
		}
	}
	return nil, 0
}

// isPcap reports whether a file begins like a capture of libpcap.
func isPcap(begin []byte) bool {
	order, _ := pcapOrder(begin)
	return order != nil
}

func readPcap(s *session) error {
	r, err := newPcapReader(s.src)
	if err != nil {
		return endsEarly(err)
	}
	return s.packets(r.next)
}

func newPcapReader(src io.Reader) (*pcapReader, error) {
	var head [24]byte
	if _, err := io.ReadFull(src, head[:]); err != nil {
		return nil, err
	}
	r := &pcapReader{src: src}
	return r, r.begin(head[:])
}

// begin takes the header of a file.
func (r *pcapReader) begin(head []byte) error {
	order, magic := pcapOrder(head)
	r.order, r.unit, r.head = order, time.Microsecond, make([]byte, 16)
	switch magic {
	case magicNanoseconds:
		r.unit = time.Nanosecond
	case magicExtended:
		r.head = make([]byte, 24)
	}
	major := order.Uint16(head[4:])
	if r.minor = order.Uint16(head[6:]); major != 2 || r.minor > 4 {
		return fmt.Errorf("pcap version %d.%d is not read, only 2.0 to 2.4: convert the file with editcap or tcpdump -w", major, r.minor)
	}
	r.link = layers.LinkType(order.Uint32(head[20:]) & 0xffff) // the upper half says whether frames end with a checksum
	if !known(r.link) {
		return fmt.Errorf("packets of link type %d (%v) are not read", r.link, r.link)
	}
	return nil
}

// another takes the header of another file after this one, as cat and programs that rotate files make them.
// It reports whether there was one. As the header of a packet, it would be of the year 2055.
func (r *pcapReader) another() (bool, error) {
	order, _ := pcapOrder(r.head)
	if order == nil || order.Uint16(r.head[4:]) != 2 || order.Uint16(r.head[6:]) > 4 {
		return false, nil
	}
	head := append(make([]byte, 0, 24), r.head...)
	if _, err := io.ReadFull(r.src, head[len(head):24]); err != nil {
		return true, errors.Join(io.ErrUnexpectedEOF, err)
	}
	return true, r.begin(head[:24])
}

// next reads a packet, which is valid until the next one. It returns io.EOF only where a packet
// would begin.
func (r *pcapReader) next() ([]byte, gopacket.CaptureInfo, layers.LinkType, error) {
	var info gopacket.CaptureInfo
	for again := true; again; {
		if _, err := io.ReadFull(r.src, r.head); err != nil {
			return nil, info, r.link, err
		}
		var err error
		if again, err = r.another(); err != nil {
			return nil, info, r.link, err
		}
	}
	info.Timestamp = time.Unix(int64(r.order.Uint32(r.head)), 0).Add(time.Duration(r.order.Uint32(r.head[4:])) * r.unit).UTC()
	captured, length := r.order.Uint32(r.head[8:]), r.order.Uint32(r.head[12:])
	if r.minor < 3 || r.minor == 3 && captured > length { // programs disagree about version 2.3
		captured, length = length, captured
	}
	switch {
	case captured > maxPacket:
		return nil, info, r.link, fmt.Errorf("a packet of %d bytes is too long, at most %d are read: the file is damaged here", captured, maxPacket)
	case captured > length:
		return nil, info, r.link, fmt.Errorf("%d bytes were captured of a packet of %d: the file is damaged here", captured, length)
	}
	info.CaptureLength, info.Length = int(captured), int(length)
	if cap(r.data) < info.CaptureLength {
		r.data = make([]byte, info.CaptureLength)
	}
	r.data = r.data[:info.CaptureLength]
	_, err := io.ReadFull(r.src, r.data)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return r.data, info, r.link, err
}
