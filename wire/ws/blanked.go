package ws

import "slices"

// Blank is the byte that replaces each byte of payload where payload is not to be shown.
const Blank = '*'

// CodeSize is how many bytes the code has at the start of a Close frame's payload (RFC 6455 §5.5.1). It is
// shown where payload is not.
const CodeSize = 2

// Blanked reports whether the frames of the two sides have payload, and nothing in it but [Blank] and the
// codes of Close frames. A client can choose keys that make its payload look so: use it for files, and not
// for live bytes.
func Blanked(sides [2][]byte) bool {
	found := false
	for _, b := range sides {
		for _, p := range payloads(b) {
			_, hidden := p.parts()
			if !isBlank(hidden) {
				return false
			}
			found = found || len(hidden) > 0 || len(p.bytes) > 0 && isBlank(p.bytes)
		}
	}
	return found
}

// Coded reports whether the codes of the Close frames of both sides, if there are any, are not blanked out.
func Coded(sides [2][]byte) bool {
	for _, b := range sides {
		for _, p := range payloads(b) {
			if code, _ := p.parts(); len(code) > 0 && isBlank(code) {
				return false
			}
		}
	}
	return true
}

func isBlank(b []byte) bool { return !slices.ContainsFunc(b, func(c byte) bool { return c != Blank }) }

// MaskBlanks masks what is blanked out in the frames of a client: a reader that takes the masks away finds
// blanks. The bytes are changed in place.
func MaskBlanks(b []byte) {
	for _, p := range payloads(b) {
		code, hidden := p.parts()
		for i := range hidden {
			hidden[i] ^= p.key[(len(code)+i)&3]
		}
	}
}

// A payload is that of a frame, or its beginning.
type payload struct {
	kind  Kind
	key   [4]byte // zero where the frame is not masked
	bytes []byte
}

// payloads are those of the frames that b begins with.
func payloads(b []byte) (all []payload) {
	var s side
	for len(b) > 0 {
		b = b[s.takeHead(b):]
		if !s.complete() {
			break
		}
		p := payload{kind: kindOf(s.head[0] & 0x0f), key: s.key(), bytes: b[:min(uint64(len(b)), s.length())]}
		all = append(all, p)
		b, s.have = b[len(p.bytes):], 0
	}
	return all
}

// parts are the code of a Close frame, which is shown, and the payload that is not.
func (p *payload) parts() (code, hidden []byte) {
	n := 0
	if p.kind == Close {
		n = min(CodeSize, len(p.bytes))
	}
	return p.bytes[:n], p.bytes[n:]
}

// WithoutPayload returns the facts without those that depend on payload.
func (f *Facts) WithoutPayload() *Facts {
	return f.without(func(s *Sent) { s.Close = nil }, FaultText, FaultCloseBody, FaultCloseCode, FaultCloseReason)
}

// WithoutBlanks returns the facts of frames whose payload is blanked out, without those that depend on
// it. The codes of Close frames are left.
func (f *Facts) WithoutBlanks() *Facts {
	return f.without(func(s *Sent) {
		if s.Close != nil {
			shown := *s.Close
			shown.Reason = ""
			s.Close = &shown
		}
	}, FaultText, FaultCloseReason)
}

// without returns the facts without those of texts and pings, and without some faults.
func (f *Facts) without(closing func(*Sent), faults ...FaultKind) *Facts {
	other := *f
	for from := range other.Sides {
		s := &other.Sides[from]
		s.Pings, s.ForeignPongs, s.Unchecked = Pings{}, 0, s.Frames[Text].Frames
		s.Faults = slices.DeleteFunc(slices.Clone(s.Faults), func(f Fault) bool { return slices.Contains(faults, f.Kind) })
		closing(s)
	}
	return &other
}
