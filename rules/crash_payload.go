package rules

import (
	"encoding/binary"
	"strconv"
	"strings"
)

const (
	surrogate      = "\xed\xa0\x80" // U+D800 in UTF-8, where it must not appear (RFC 3629 §3)
	prototypeNames = "constructor, __proto__, toString"

	stays      = "Any answer; the server must stay up"
	staysAt431 = "Any answer; the server must stay up (431 is best)"
)

// manyProtocols returns a list of different subprotocols.
func manyProtocols() string {
	names := make([]string, 100)
	for i := range names {
		names[i] = "p" + strconv.Itoa(i)
	}
	return strings.Join(names, ", ")
}

// fragments is how many fragments a message of [tinyFragments] has.
const fragments = 100_000

// tinyFragments returns a text of fragments of one byte. Each has another masking key.
func tinyFragments(*Handshake) string {
	b := make([]byte, 0, 7*fragments)
	for i := range fragments {
		first := byte(opContinuation)
		switch i {
		case 0:
			first = opText
		case fragments - 1:
			first |= frameFin
		}
		key := uint32(i+1) * 2654435761
		b = binary.BigEndian.AppendUint32(append(b, first, 0x81), key)
		b = append(b, 'a'^byte(key>>24))
	}
	return string(b)
}

// announced returns the head of a binary frame of a client, with a length whose first byte is top
// and whose others are 0xff. No payload follows.
func announced(top byte) string {
	return "\x82\xff" + string([]byte{top}) + "\xff\xff\xff\xff\xff\xff\xff\x12\x34\x56\x78"
}

// bombMatches is how many matches of 258 bytes [deflateBomb] has. One takes 13 bits.
const bombMatches = 65_028

// deflateBomb returns a compressed message of zeros: 103 KiB that inflate to 16 MiB. It is one
// block of DEFLATE with the fixed codes (RFC 1951 §3.2.6): a zero, and matches at distance 1.
func deflateBomb(*Handshake) string {
	w := bitWriter{}
	w.write(0b010, 3)     // not the last block; fixed codes
	w.code(0b00110000, 8) // the byte 0
	for range bombMatches {
		w.code(0b11000101, 8) // length 258
		w.code(0, 5)          // distance 1
	}
	w.code(0, 7)  // the end of the block
	w.write(0, 3) // an empty block, of which a message leaves out the last four bytes (RFC 7692 §7.2.1)
	payload, key := w.bytes(), []byte{0x12, 0x34, 0x56, 0x78}
	b := binary.BigEndian.AppendUint64([]byte{frameFin | frameRSV1 | opBinary, 0xff}, uint64(len(payload)))
	b = append(b, key...)
	for i, c := range payload {
		b = append(b, c^key[i%4])
	}
	return string(b)
}

// A bitWriter writes bits in the order of RFC 1951 §3.1.1.
type bitWriter struct {
	out  []byte
	bits uint32
	n    uint
}

// write writes a number, its lowest bit first.
func (w *bitWriter) write(value uint32, n uint) {
	w.bits |= value << w.n
	for w.n += n; w.n >= 8; w.n -= 8 {
		w.out = append(w.out, byte(w.bits))
		w.bits >>= 8
	}
}

// code writes a Huffman code, its highest bit first.
func (w *bitWriter) code(value uint32, n uint) {
	for i := n; i > 0; i-- {
		w.write(value>>(i-1)&1, 1)
	}
}

// bytes returns everything that was written; zeros fill the last byte.
func (w *bitWriter) bytes() []byte {
	if w.n > 0 {
		return append(w.out, byte(w.bits))
	}
	return w.out
}
