package chain

import (
	"bytes"
	"encoding/binary"
)

// clear returns the bytes that came on a connection as they were before the hop masked them: one
// that reads WebSocket sends the frames of its client with masks of its own.
func (b *backend) clear(in []byte) []byte {
	b.sink.mu.Lock()
	at := b.tunnelAt
	b.sink.mu.Unlock()
	if at == 0 {
		return in
	}
	return unmasked(in, at)
}

// unmasked returns bytes in which the masked frames from that offset on have the key 0. Every byte
// keeps its offset. Bytes that are no masked frame end the frames.
func unmasked(in []byte, at int) []byte {
	out := in
	for len(in)-at >= 2 && in[at]&0x70 == 0 && in[at+1]&0x80 != 0 {
		length, head := uint64(in[at+1]&0x7f), 2
		switch {
		case length == 126 && len(in)-at >= 4:
			length, head = uint64(binary.BigEndian.Uint16(in[at+2:])), 4
		case length == 127 && len(in)-at >= 10:
			length, head = binary.BigEndian.Uint64(in[at+2:]), 10
		case length >= 126:
			return out
		}
		if len(in)-at < head+4 {
			return out
		}
		key := [4]byte(in[at+head:])
		from := at + head + 4
		n := int(min(length, uint64(len(in)-from)))
		if key != [4]byte{} {
			if &out[0] == &in[0] {
				out = bytes.Clone(in)
			}
			clear(out[at+head : from])
			for i := range n {
				out[from+i] ^= key[i%4]
			}
		}
		at = from + n
	}
	return out
}
