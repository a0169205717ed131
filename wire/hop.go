package wire

// A Hop is a proxy that an exchange passed, seen from its other side: what arrived at the server
// behind it, and what that server answered. The near side is the exchange itself. Rules about hops
// compare both.
type Hop struct {
	Name string // how texts name it; empty if it has no name

	// Far is the exchange on the connection from the hop to the server. It is nil if the request did
	// not arrive there as a request: then Within says where its bytes are.
	Far    *Exchange
	Within Within
	Stray  []byte    // how it begins there, at most MaxRecorded bytes
	Before *Exchange // the exchange before it on that connection, of this client or of another one; nil if it is the first, or that is not known
	Clock  bool      // the times of both sides are of one clock, so that they can be compared

	// Blanked says that the bytes after the heads are not those from the wire on both sides: payload
	// is blanked out. Their beginnings and numbers can be compared, and no more.
	Blanked bool

	Seen []Sighting // what both sides saw beside; at most MaxSightings
}

// Within says what the server behind a hop took a request for, where it did not read it as a
// request.
type Within string

// The places. Readers accept others.
const (
	Nowhere       Within = ""        // it did not arrive
	WithinContent Within = "content" // the content of the request before it
	WithinHeaders Within = "headers" // the headers of the request before it
	WithinTunnel  Within = "tunnel"  // bytes after the 101 to the request before it
)

// Sent returns the request as it left for the server: as it was forwarded if it was changed, or as it
// came.
func (x *Exchange) Sent() *Request {
	if x.Far != nil {
		return x.Far
	}
	return x.Request
}

// Bytes returns how many bytes from the wire the far side holds.
func (h *Hop) Bytes() (n int) {
	if h == nil {
		return 0
	}
	n = len(h.Stray)
	for _, s := range h.Seen {
		n += len(s.What) + len(s.Detail)
	}
	for _, x := range [...]*Exchange{h.Far, h.Before} {
		if x != nil {
			n += x.Bytes()
		}
	}
	return n
}

// SwitchedFirst reports whether the client had its 101 before the server behind the hop sent one, as
// far as their times tell.
func (x *Exchange) SwitchedFirst() bool {
	h := x.Hop
	if h == nil || !h.Clock || h.Far == nil || x.Outcome != Switched || h.Far.Outcome != Switched {
		return false
	}
	return x.Time.Add(x.Took).Before(h.Far.Time.Add(h.Far.Took))
}
