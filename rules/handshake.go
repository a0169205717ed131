package rules

import (
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/wire"
	"github.com/interlock-proxy/interlock/wire/h2"
)

// A Handshake is a request as a probe sends it, byte by byte: a valid base with the changes of an
// [Edit]. The zero value cannot be sent; see [NewHandshake] and [Learn]. A handshake has one owner;
// [Probe.On] edits a copy.
type Handshake struct {
	Host   string // the Host header of the base
	Path   string // the target of the base
	Scheme string // http or https
	Key    string // of Sec-WebSocket-Key
	Canary string // a path that nothing depends on, for a second request on the connection

	Protected string     // a path that is known to require credentials; empty: none is
	Inside    string     // a path to ask for in an h2c tunnel; empty: Protected
	Secrets   Redaction  // names of headers and parameters with credentials, beside the table's
	Owner     *Handshake // of one with the credentials of somebody else: the same with the owner's; else nil
	Lure      Lure       // what a probe names to see whether the server connects to it

	Ahead   string // another request before this one, in the same write
	Before  string // before the request line
	Method  string
	Target  string
	Version string // empty: the request line ends after the target
	Gap     string // between the parts of the request line
	End     string // of the request line
	Lines   []Line
	Finish  string // the empty line after the headers

	Content string     // after the headers
	Hold    Hold       // when the content is sent
	Early   string     // after the request, in the same write
	Split   int        // where the head is cut in two segments; 0: it is sent in one
	Asks    []string   // paths that are asked for in HTTP/2 after a switch to h2c
	After   string     // sent after the server has switched, instead of the usual test frames; see probe.Run
	Frames  *FrameTest // of After, if that tests how frames are read
	Stream  *Streamed  // how it is sent in HTTP/2; nil: it is sent in HTTP/1.1
	Agreed  string     // After is sent only if the 101 accepts this WebSocket extension; empty: always
}

// A Lure is an address that only Interlock listens at, and a path that only one request names.
type Lure struct {
	Host string // host and port
	Path string // the path, perhaps with more after it
}

// Lures reports whether the request names its lure.
func (h *Handshake) Lures() bool {
	if s := h.Stream; s != nil {
		return slices.ContainsFunc(s.Fields, func(f h2.Field) bool { return strings.Contains(f.Value, h.Lure.Host) })
	}
	return strings.Contains(h.Target, h.Lure.Host) || slices.ContainsFunc(h.Lines, func(l Line) bool { return l.Value == h.Lure.Host })
}

// A Line is a header line of a [Handshake]. It is sent as it is.
type Line struct {
	Name, Gap, Value, End string // Gap is the colon with its whitespace
}

// Hold says when the content of a [Handshake] is sent.
type Hold uint8

// The ways to send content.
const (
	HoldNothing  Hold = iota // with the head, in one write
	HoldUntil100             // after a 100 (Continue); never without one
	HoldForever              // never
)

const crlf = "\r\n"

func line(name, value string) Line { return Line{name, ": ", value, crlf} }

// NewHandshake returns the valid WebSocket handshake (RFC 6455 §4.1) that every probe edits unless
// one was learned: for that Host, path and key, over scheme http or https.
func NewHandshake(scheme, host, path, key string) *Handshake {
	return &Handshake{
		Host: host, Path: path, Scheme: scheme, Key: key, Canary: "/interlock-canary", Lure: Lure{"canary.invalid:80", "/interlock-lure"},
		Method: "GET", Target: path, Version: "HTTP/1.1", Gap: " ", End: crlf, Finish: crlf,
		Lines: []Line{
			line("Host", host), line("Connection", "Upgrade"), line("Upgrade", "websocket"),
			line(keyField, key), line(versionField, "13"),
		},
	}
}

// Learn returns the handshake of NewHandshake with the parts of a recorded request that an endpoint
// may require: its path with the query, Host, Origin, subprotocols and, with credentials, Cookie
// and Authorization. Without credentials the secrets in its target are blanked out as d says, and
// subprotocols that carry a token are left out. Learn does not keep the request.
func Learn(q *wire.Request, scheme, key string, credentials bool, d Redaction) *Handshake {
	target := originForm(q.Target)
	if !credentials {
		target = d.Target(target)
	}
	announced := false
	h := NewHandshake(scheme, string(first(&q.Head, hostField(&q.Head))), target, key)
	for _, f := range q.Fields {
		name, value := string(q.Text(f.Name)), string(q.Text(f.Value))
		switch {
		case wire.EqualFold(name, originField):
		case wire.EqualFold(name, "Cookie"), wire.EqualFold(name, "Authorization"):
			if !credentials {
				continue
			}
		case wire.EqualFold(name, protocolField):
			if !credentials {
				value, announced = d.publicProtocols(value, announced)
			}
		default:
			continue
		}
		if value == "" {
			continue
		}
		if i := h.find("Cookie"); i < len(h.Lines) && q.HTTP2() && wire.EqualFold(name, "Cookie") {
			h.Lines[i].Value += "; " + value // HTTP/2 has them in several lines (RFC 9113 §8.2.3)
			continue
		}
		h.Lines = append(h.Lines, line(name, value))
	}
	return h
}

// originForm returns a target without the scheme and the authority of the absolute-form (RFC 9112
// §3.2).
func originForm(target string) string {
	_, rest, absolute := strings.Cut(target, "://")
	if !absolute || strings.HasPrefix(target, "/") {
		return target
	}
	i := strings.IndexAny(rest, "/?")
	switch {
	case i < 0:
		return "/"
	case rest[i] == '?':
		return "/" + rest[i:]
	}
	return rest[i:]
}

// publicProtocols returns a list of subprotocols without tokens and without the words that announce
// tokens. It takes and returns whether the previous element announced a token.
func (d *Redaction) publicProtocols(list string, announced bool) (string, bool) {
	blanked := []byte(list)
	announced = d.redactProtocols(blanked, announced)
	var public []string
	elements := strings.Split(list, ",")
	for i, shown := range strings.Split(string(blanked), ",") {
		p := strings.TrimSpace(elements[i])
		if p != "" && shown == elements[i] && !d.hides([]byte(p)) {
			public = append(public, p)
		}
	}
	return strings.Join(public, ", "), announced
}

// Clone returns a copy that shares nothing with h.
func (h *Handshake) Clone() *Handshake {
	c := *h
	c.Lines, c.Stream = slices.Clone(h.Lines), h.Stream.clone()
	return &c
}

// Fresh returns a copy with another key.
func (h *Handshake) Fresh(key string) *Handshake {
	c := h.Clone()
	c.Key = key
	if i := c.find(keyField); i < len(c.Lines) {
		c.Lines[i].Value = key
	}
	return c
}

// Head returns the head of the request as it is sent; in HTTP/2, its text.
func (h *Handshake) Head() string {
	if h.Stream != nil {
		return string(wire.HTTP2Head(h.Stream.Fields))
	}
	var b strings.Builder
	b.WriteString(h.Before + h.Method + h.Gap + h.Target)
	if h.Version != "" {
		b.WriteString(h.Gap + h.Version)
	}
	b.WriteString(h.End)
	for _, l := range h.Lines {
		b.WriteString(l.Name + l.Gap + l.Value + l.End)
	}
	b.WriteString(h.Finish)
	return b.String()
}

// First returns everything that is sent before anything is read: another request ahead, the
// headers, the body unless it is held back, and early bytes.
func (h *Handshake) First() string {
	if h.Stream != nil {
		return h.Head()
	}
	if h.Hold == HoldNothing {
		return h.Ahead + h.Head() + h.Content + h.Early
	}
	return h.Ahead + h.Head() + h.Early
}

// find returns the index of the first header line of that name, or len(h.Lines) if there is none.
func (h *Handshake) find(name string) int {
	if i := slices.IndexFunc(h.Lines, hasName(name)); i >= 0 {
		return i
	}
	return len(h.Lines)
}

func hasName(name string) func(Line) bool {
	return func(l Line) bool { return wire.EqualFold(l.Name, name) }
}
