package wire

// A Framing says how long the content of a message is (RFC 9112 §6.3).
type Framing struct {
	Kind   FramingKind
	Length int64 // for FramedByLength, more than 0
}

// A FramingKind is one of the ways in which the end of a message is known.
type FramingKind uint8

// The ways to frame content. FramedNot claims nothing: what follows the head is opaque.
const (
	FramedEmpty    FramingKind = iota // there is no content
	FramedByLength                    // Content-Length
	FramedByChunks                    // the chunked transfer coding
	FramedByClose                     // the end of the connection
	FramedNot                         // ambiguous
)

// RequestFraming returns where the content of a request ends. The head must come from a [Scanner]
// or from [ReadRequest].
func (h *Head) RequestFraming() Framing {
	switch {
	case h.Ambiguous():
		return Framing{Kind: FramedNot}
	case h.framing.coding:
		return Framing{Kind: FramedByChunks}
	case h.framing.length > 0:
		return Framing{Kind: FramedByLength, Length: h.framing.length}
	}
	return Framing{Kind: FramedEmpty}
}

// ResponseFraming returns where the content of a response ends. The head must come from a [Scanner]
// or from [ReadResponse]. Whether it answers HEAD or CONNECT matters as much as its headers.
func (h *Head) ResponseFraming(toHead, toConnect bool) Framing {
	status := h.framing.status
	if toHead || status < 200 || status == 204 || status == 304 || toConnect && status < 300 {
		for _, f := range h.Flaws {
			if f.Kind == FlawHeadEnd || f.Kind == FlawVersion {
				return Framing{Kind: FramedNot}
			}
		}
		return Framing{Kind: FramedEmpty} // whatever Content-Length and Transfer-Encoding say
	}
	switch {
	case h.Ambiguous():
		return Framing{Kind: FramedNot}
	case h.framing.chunked:
		return Framing{Kind: FramedByChunks}
	case h.framing.coding:
		return Framing{Kind: FramedByClose}
	case h.framing.length > 0:
		return Framing{Kind: FramedByLength, Length: h.framing.length}
	case h.framing.length == 0:
		return Framing{Kind: FramedEmpty}
	}
	return Framing{Kind: FramedByClose}
}
