package capture

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"slices"
	"testing"

	"github.com/gopacket/gopacket/pcapgo"

	"github.com/interlock-proxy/interlock/wire"
)

// exchanged is a capture of one handshake that was accepted.
func exchanged() []segment {
	s := start(1)
	s.send(0, []byte(handshake), 1000)
	s.send(1, []byte(accepted), 1000)
	s.add(segment{from: 0, rst: true})
	return s.segments
}

// statistics is a pcapng block that counts packets of the first interface, as programs write it
// last.
func statistics() []byte {
	b := make([]byte, 24)
	binary.LittleEndian.PutUint32(b, 5)
	binary.LittleEndian.PutUint32(b[4:], 24)
	binary.LittleEndian.PutUint32(b[20:], 24)
	return b
}

// custom is a pcapng block of a kind that nobody knows.
func custom() []byte {
	b := make([]byte, 16)
	binary.LittleEndian.PutUint32(b, 0x40000bad)
	binary.LittleEndian.PutUint32(b[4:], 16)
	binary.LittleEndian.PutUint32(b[12:], 16)
	return b
}

func TestPcapNGEndsWithAnyBlock(t *testing.T) {
	file := ethernet.pcapng(t, exchanged())
	var empty bytes.Buffer
	w, err := pcapgo.NewNgWriter(&empty, ethernet.link)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	for name, each := range map[string]struct {
		file  []byte
		found int
	}{
		"statistics":         {slices.Concat(file, statistics()), 1},
		"an unknown block":   {slices.Concat(file, custom()), 1},
		"both":               {slices.Concat(file, custom(), statistics(), statistics()), 1},
		"another section":    {slices.Concat(file, empty.Bytes()), 1},
		"no packet at all":   {slices.Concat(empty.Bytes(), statistics()), 0},
		"no packet, nothing": {empty.Bytes(), 0},
	} {
		if found, _ := read(t, each.file); len(found) != each.found {
			t.Errorf("%s: %d found", name, len(found))
		}
	}
}

// TestPcapNGCutOff cuts a file at every place. Only where a block begins may that go unnoticed.
func TestPcapNGCutOff(t *testing.T) {
	file := slices.Concat(ethernet.pcapng(t, exchanged()), statistics())
	begins := map[int]bool{}
	for at := 0; at < len(file); at += int(binary.LittleEndian.Uint32(file[at+4:])) {
		begins[at] = true
	}
	for n := 4; n < len(file); n++ {
		var r Reader
		if _, err := r.Read(bytes.NewReader(file[:n])); (err == nil) != begins[n] {
			t.Errorf("cut at %d of %d: got %v", n, len(file), err)
		}
	}
}

func TestZippedFilesCutOff(t *testing.T) {
	for name, file := range map[string][]byte{"pcap": ethernet.pcap(t, exchanged()), "pcapng": ethernet.pcapng(t, exchanged())} {
		var zipped bytes.Buffer
		z := gzip.NewWriter(&zipped)
		z.Write(file)
		z.Flush() // every packet is there, the end of the stream is not
		found := 0
		r := Reader{Observe: func(*wire.Exchange) { found++ }}
		if _, err := r.Read(&zipped); err == nil || found != 1 {
			t.Errorf("%s: %d found, %v", name, found, err)
		}
	}
}

// older is a pcap file as another version of libpcap wrote it.
func older(file []byte, minor uint16, swapped bool) []byte {
	b := bytes.Clone(file)
	binary.LittleEndian.PutUint16(b[6:], minor)
	for at := 24; at < len(b); {
		n := int(binary.LittleEndian.Uint32(b[at+8:]))
		if swapped {
			binary.LittleEndian.PutUint32(b[at+8:], uint32(n+7)) // the length on the wire
			binary.LittleEndian.PutUint32(b[at+12:], uint32(n))
		}
		at += 16 + n
	}
	return b
}

// extended is a pcap file with longer packet headers.
func extended(file []byte) []byte {
	b := bytes.Clone(file[:24])
	binary.LittleEndian.PutUint32(b, magicExtended)
	for rest := file[24:]; len(rest) > 0; {
		n := 16 + int(binary.LittleEndian.Uint32(rest[8:]))
		b = slices.Concat(b, rest[:16], make([]byte, 8), rest[16:n])
		rest = rest[n:]
	}
	return b
}

func TestOlderVersionsOfPcap(t *testing.T) {
	file := ethernet.pcap(t, exchanged())
	want, _ := read(t, file)
	checksums := bytes.Clone(file)
	binary.LittleEndian.PutUint32(checksums[20:], 1|0x24000000) // Ethernet frames end with a checksum of four bytes
	for name, changed := range map[string][]byte{
		"2.1":           older(file, 1, true),
		"2.2":           older(file, 2, true),
		"2.3":           older(file, 3, false),
		"2.3, swapped":  older(file, 3, true),
		"extended":      extended(file),
		"big-endian":    bigEndian(file),
		"with checksum": checksums,
	} {
		found, report := read(t, changed)
		if got := same(found, false); got != same(want, false) || report.Lost > 0 || report.Damaged > 0 {
			t.Errorf("%s: got %s, %+v", name, got, report)
		}
	}
	for _, minor := range []uint16{5, 77} {
		var r Reader
		if _, err := r.Read(bytes.NewReader(older(file, minor, false))); err == nil {
			t.Errorf("version 2.%d was read", minor)
		}
	}
}

// TestSnappedPacketsEndNothing cuts the last packets of a connection. What was not captured did not
// end the connection.
func TestSnappedPacketsEndNothing(t *testing.T) {
	s := start(1)
	s.send(0, []byte(handshake), 1000)
	s.add(segment{from: 1, payload: []byte(accepted), fin: true})
	var all []clientSegment
	for _, g := range s.segments {
		all = append(all, clientSegment{2000, g})
	}
	for snap := 60; snap < 300; snap += 7 {
		found, report := bounded(t, record(t, all, snap), Bounds{})
		for _, x := range found {
			if x.Outcome == wire.Closed {
				t.Errorf("%d bytes a packet: got %+v, %+v", snap, x, report)
			}
		}
		if report.Snapped == 0 && snap < 180 || report.Damaged > 0 {
			t.Errorf("%d bytes a packet: got %+v", snap, report)
		}
	}
}
