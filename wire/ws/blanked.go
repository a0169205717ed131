package ws

import "slices"

// Blank is the byte that replaces each byte of payload where payload is not to be shown.
const Blank = '*'

// Blanked reports whether the frames of the two sides have payload, and nothing in it but [Blank]. A
// client can choose keys that make its payload look so: use it for files, and not for live bytes.
func Blanked(sides [2][]byte) bool {
	found := false
	for _, b := range sides {
		var s side
		for len(b) > 0 {
			b = b[s.takeHead(b):]
			if !s.complete() {
				break
			}
			payload := b[:min(uint64(len(b)), s.length())]
			if slices.ContainsFunc(payload, func(c byte) bool { return c != Blank }) {
				return false
			}
			found = found || len(payload) > 0
			b, s.have = b[len(payload):], 0
		}
	}
	return found
}

// WithoutPayload returns the facts without those that depend on payload.
func (f *Facts) WithoutPayload() *Facts {
	other := *f
	for from := range other.Sides {
		s := &other.Sides[from]
		s.Close, s.Pings, s.ForeignPongs, s.Unchecked = nil, Pings{}, 0, s.Frames[Text].Frames
		s.Faults = slices.DeleteFunc(slices.Clone(s.Faults), func(f Fault) bool { return f.Kind.ofPayload() })
	}
	return &other
}

// ofPayload reports whether only the payload of a frame shows such a fault.
func (k FaultKind) ofPayload() bool {
	return k == FaultText || k == FaultCloseBody || k == FaultCloseCode || k == FaultCloseReason
}
