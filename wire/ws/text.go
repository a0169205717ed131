package ws

import "encoding/binary"

// A text is the state of a check for UTF-8 (RFC 3629 §4) that goes on with the next bytes. Its zero
// value is between two characters.
type text struct {
	need    uint8 // bytes that the character still needs
	low, up uint8 // bounds of the next of them
}

// check reads payload that was masked with key, of which position bytes came before. It reports
// whether all is UTF-8 so far.
func (t *text) check(p []byte, key [4]byte, position uint64) bool {
	turned := key
	for i := range turned {
		turned[i] = key[(position+uint64(i))&3]
	}
	mask := uint64(binary.LittleEndian.Uint32(turned[:]))
	mask |= mask << 32
	const high = 0x8080808080808080
	for {
		if t.need == 0 {
			for len(p) >= 8 && (binary.LittleEndian.Uint64(p)^mask)&high == 0 {
				p = p[8:]
			}
		}
		if len(p) == 0 {
			return true
		}
		n := min(len(p), 8) // eight at a time, so that turned stays in step
		for i, c := range p[:n] {
			if !t.next(c ^ turned[i&3]) {
				return false
			}
		}
		p = p[n:]
	}
}

// next takes a byte. It is false if that cannot follow.
func (t *text) next(c byte) bool {
	if t.need > 0 {
		if c < t.low || c > t.up {
			return false
		}
		*t = text{need: t.need - 1, low: 0x80, up: 0xbf}
		return true
	}
	switch {
	case c < 0x80:
		return true
	case c < 0xc2 || c > 0xf4:
		return false
	case c < 0xe0:
		*t = text{1, 0x80, 0xbf}
	case c < 0xf0:
		*t = text{2, 0x80, 0xbf}
	default:
		*t = text{3, 0x80, 0xbf}
	}
	switch c { // RFC 3629 §4: no long forms, surrogates, or code points after U+10FFFF
	case 0xe0:
		t.low = 0xa0
	case 0xed:
		t.up = 0x9f
	case 0xf0:
		t.low = 0x90
	case 0xf4:
		t.up = 0x8f
	}
	return true
}
