package rules

import (
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/wire"
	"github.com/interlock-proxy/interlock/wire/h2"
)

// A Streamed is how a [Handshake] is sent in HTTP/2: as a stream of a connection of its own, frame by
// frame (RFC 9113, RFC 8441). The edits that make one, such as [Extended], come after those of the
// handshake, and its own edits after them.
type Streamed struct {
	Fields   []h2.Field     // of the request, in order; nothing is added, left out or written differently
	End      bool           // END_STREAM is set on HEADERS
	Cut      int            // so many bytes of the field block are in HEADERS, and the others in CONTINUATION; 0: all are in HEADERS
	Settings [][]h2.Setting // of the client, a SETTINGS frame for each element, the first together with what it always sends
	Hurry    bool           // the request follows the preface, and does not wait for the server's SETTINGS
	Early    []StreamPart   // sent with the request, in the same write
	Inside   []StreamPart   // sent after the server has opened the tunnel, in place of the usual frames
	Marked   bool           // the request ends in the header [MarkField], and a GET with another value of it goes before: see UPGRADE-H2-HPACK
	Other    []h2.Field     // the request of a second tunnel, which is opened before; nil: there is none
	Pair     Pairing        // how the tunnel of the probe then ends
	Next     []h2.Field     // the request that follows on the connection, see [wire.Follow]; nil: none does
}

// A StreamPart is a frame that a probe sends on its stream after HEADERS.
type StreamPart struct {
	Kind h2.Type // Data, Headers (with Data as its field block) or Reset
	Data string
	End  bool    // END_STREAM
	Code h2.Code // of Reset
}

// A Pairing says how a tunnel ends beside which there is another one.
type Pairing uint8

// The pairings.
const (
	PairClosed  Pairing = iota // by a close frame of the client, and END_STREAM
	PairEnded                  // by END_STREAM alone
	PairReset                  // by RST_STREAM
	PairRefused                // it was never opened: the request is malformed
)

// The header that shows whether a server keeps the table of headers, and its values in the first
// request of a connection and in all others.
const (
	MarkField = "x-il"
	MarkFirst = "first"
	MarkLater = "second"
)

// HTTP2 reports whether the handshake is sent in HTTP/2.
func (h *Handshake) HTTP2() bool { return h.Stream != nil }

// clone returns a copy that shares nothing with s.
func (s *Streamed) clone() *Streamed {
	if s == nil {
		return nil
	}
	c := *s
	c.Fields, c.Settings = slices.Clone(s.Fields), slices.Clone(s.Settings)
	c.Early, c.Inside = slices.Clone(s.Early), slices.Clone(s.Inside)
	c.Other, c.Next = slices.Clone(s.Other), slices.Clone(s.Next)
	return &c
}

// find returns the index of the first field of that name, or len(s.Fields) if there is none.
func (s *Streamed) find(name string) int {
	if i := slices.IndexFunc(s.Fields, func(f h2.Field) bool { return f.Name == name }); i >= 0 {
		return i
	}
	return len(s.Fields)
}

// Extended sends the handshake as an extended CONNECT (RFC 8441 §5): without the headers that only
// HTTP/1.1 has, and with the origin that a page of the same host has, unless it names one.
func Extended() Edit {
	return func(h *Handshake) {
		s := &Streamed{Fields: []h2.Field{
			{Name: ":method", Value: "CONNECT"}, {Name: ":protocol", Value: "websocket"}, {Name: ":scheme", Value: h.Scheme},
			{Name: ":path", Value: h.Target}, {Name: ":authority", Value: h.authority()},
		}}
		for _, l := range h.Lines {
			if hasName(versionField)(l) {
				s.Fields = append(s.Fields, h2.Field{Name: "sec-websocket-version", Value: l.Value})
			}
		}
		if h.find(originField) == len(h.Lines) {
			s.Fields = append(s.Fields, h2.Field{Name: "origin", Value: h.Scheme + "://" + h.Host})
		}
		s.carry(h, versionField)
		s.Next = nextGet(h)
		h.Stream = s
	}
}

// Plain2 sends the handshake as a GET in HTTP/2, without the headers that make it one.
func Plain2() Edit {
	return func(h *Handshake) {
		s := &Streamed{End: true, Fields: []h2.Field{
			{Name: ":method", Value: "GET"}, {Name: ":scheme", Value: h.Scheme}, {Name: ":path", Value: h.Target}, {Name: ":authority", Value: h.authority()},
		}}
		s.carry(h, versionField, protocolField, extensionField)
		s.Next = nextGet(h)
		h.Stream = s
	}
}

// nextGet is the request for the first page of the host.
func nextGet(h *Handshake) []h2.Field {
	return []h2.Field{{Name: ":method", Value: "GET"}, {Name: ":scheme", Value: h.Scheme}, {Name: ":path", Value: "/"}, {Name: ":authority", Value: h.authority()}}
}

// authority is the host that the handshake names.
func (h *Handshake) authority() string {
	if i := h.find("Host"); i < len(h.Lines) {
		return h.Lines[i].Value
	}
	return h.Host
}

// carry takes over the headers that both versions have, but for these.
func (s *Streamed) carry(h *Handshake, but ...string) {
	but = append(but, "Host", "Connection", "Upgrade", "HTTP2-Settings", keyField)
	for _, l := range h.Lines {
		if !slices.ContainsFunc(but, func(name string) bool { return wire.EqualFold(name, l.Name) }) {
			s.Fields = append(s.Fields, h2.Field{Name: strings.ToLower(l.Name), Value: l.Value})
		}
	}
}

// in2 is an edit of what is sent in HTTP/2.
func in2(edit func(h *Handshake, s *Streamed)) Edit {
	return func(h *Handshake) {
		if h.Stream != nil {
			edit(h, h.Stream)
		}
	}
}

// Field sets a field to one line with that value, in place of the first one of that name or after all
// others. The name is sent as it is.
func Field(name, value string) Edit { return FieldTo(name, Always(value)) }

// FieldTo is Field with a value that depends on the handshake.
func FieldTo(name string, of func(*Handshake) string) Edit {
	return in2(func(h *Handshake, s *Streamed) {
		i := s.find(name)
		s.Fields = slices.Concat(s.Fields[:i], []h2.Field{{Name: name, Value: of(h)}}, slices.DeleteFunc(slices.Clone(s.Fields[i:]), func(f h2.Field) bool { return f.Name == name }))
	})
}

// FieldAlso adds a line after all others, whatever there is of that name.
func FieldAlso(name, value string) Edit {
	return in2(func(_ *Handshake, s *Streamed) { s.Fields = append(s.Fields, h2.Field{Name: name, Value: value}) })
}

// FieldBefore adds a line before the first one of that other name, or before all.
func FieldBefore(before, name, value string) Edit {
	return in2(func(_ *Handshake, s *Streamed) {
		i := s.find(before) % (len(s.Fields) + 1)
		if i == len(s.Fields) {
			i = 0
		}
		s.Fields = slices.Insert(s.Fields, i, h2.Field{Name: name, Value: value})
	})
}

// FieldAfter adds a line after the first one of that other name, or after all.
func FieldAfter(after, name, value string) Edit {
	return in2(func(_ *Handshake, s *Streamed) {
		s.Fields = slices.Insert(s.Fields, min(s.find(after)+1, len(s.Fields)), h2.Field{Name: name, Value: value})
	})
}

// NoField removes all lines of these names.
func NoField(names ...string) Edit {
	return in2(func(_ *Handshake, s *Streamed) {
		s.Fields = slices.DeleteFunc(s.Fields, func(f h2.Field) bool { return slices.Contains(names, f.Name) })
	})
}

// Ended sets END_STREAM on HEADERS, or leaves it out.
func Ended(end bool) Edit { return in2(func(_ *Handshake, s *Streamed) { s.End = end }) }

// CutAt sends so many bytes of the field block in HEADERS, and the others in CONTINUATION.
func CutAt(n int) Edit { return in2(func(_ *Handshake, s *Streamed) { s.Cut = n }) }

// Hurried does not wait for the server's SETTINGS.
func Hurried() Edit { return in2(func(_ *Handshake, s *Streamed) { s.Hurry = true }) }

// ClientSettings sends SETTINGS frames of the client, one for each argument.
func ClientSettings(frames ...[]h2.Setting) Edit {
	return in2(func(_ *Handshake, s *Streamed) { s.Settings = frames })
}

// EarlyParts sends frames with the request, in the same write.
func EarlyParts(parts ...StreamPart) Edit {
	return in2(func(_ *Handshake, s *Streamed) { s.Early = parts })
}

// InsideParts sends frames in the tunnel, in place of the usual ones.
func InsideParts(parts ...StreamPart) Edit {
	return in2(func(_ *Handshake, s *Streamed) { s.Inside = parts })
}

// Beside opens another tunnel first, with the request as it is so far, and says how the probe's ends.
func Beside(how Pairing) Edit {
	return in2(func(_ *Handshake, s *Streamed) { s.Other, s.Pair = slices.Clone(s.Fields), how })
}

// Mark ends the request with [MarkField], which is the last line that goes into the table of headers.
func Mark() Edit {
	return Edits(FieldAlso(MarkField, MarkLater), in2(func(_ *Handshake, s *Streamed) { s.Marked = true }))
}

// Sign names the sender in all requests, as User-Agent does, in place of what they name. A mark stays
// the last line.
func (s *Streamed) Sign(sender string) {
	const name = "user-agent"
	for _, request := range []*[]h2.Field{&s.Fields, &s.Other, &s.Next} {
		kept := slices.DeleteFunc(slices.Clone(*request), func(f h2.Field) bool { return f.Name == name })
		if len(kept) == 0 {
			continue
		}
		at := len(kept)
		if kept[at-1].Name == MarkField {
			at--
		}
		*request = slices.Insert(kept, at, h2.Field{Name: name, Value: sender})
	}
}
