package rules

import "encoding/binary"

// A tlsRecord is the header of one TLS record (RFC 8446 §5.1, the same in all versions since SSL
// 3).
type tlsRecord struct {
	kind         byte
	major, minor byte
	length       int
}

// tlsHandshake is the content type of a record that carries handshake messages.
const tlsHandshake = 0x16

// readTLSRecord decodes the header of the record that b begins with; ok is false if b ends within
// it.
func readTLSRecord(b []byte) (r tlsRecord, ok bool) {
	if len(b) < 5 {
		return tlsRecord{}, false
	}
	return tlsRecord{b[0], b[1], b[2], int(binary.BigEndian.Uint16(b[3:]))}, true
}

// helloOf reports whether b starts a client's TLS connection: with a handshake record whose first
// message is a ClientHello (RFC 8446 §4.1.2). It is Unclear if b is too short and nothing in it
// contradicts that.
func helloOf(b []byte) Verdict {
	const clientHello = 1
	for i, want := range [...]byte{tlsHandshake, 3} {
		if i < len(b) && b[i] != want {
			return Fail
		}
	}
	r, ok := readTLSRecord(b)
	switch {
	case ok && (r.length < 1 || r.length > 1<<14):
		return Fail
	case !ok || len(b) < 6:
		return Unclear
	case b[5] != clientHello:
		return Fail
	}
	return Pass
}
