package wire

import (
	"bytes"
	"iter"
	"strings"
)

// A Protocol is one element of an Upgrade header (RFC 9110 §7.8): a name and an optional version
// after a slash. Names are compared without regard to ASCII case, versions exactly. An element that
// is not token ["/" token] is a Protocol too, with Valid false.
type Protocol struct {
	Name, Version string
	Valid         bool
	Span          Span
}

// String is the member as it is written: name, or name/version.
func (p Protocol) String() string {
	if p.Version == "" {
		return p.Name
	}
	return p.Name + "/" + p.Version
}

// Is reports whether the member has that name.
func (p Protocol) Is(name string) bool { return EqualFold(p.Name, name) }

// Elements yields the elements of a list field (RFC 9110 §5.6.1): all lines with that name in
// order, split at commas, white space trimmed, with the line ends of folds (RFC 9112 §5.2), empty
// elements dropped.
func (h *Head) Elements(name string) iter.Seq[Span] {
	return func(yield func(Span) bool) {
		for value := range h.Values(name) {
			for from := value.From; from <= value.To; {
				to := value.To
				if i := bytes.IndexByte(h.Raw[from:to], ','); i >= 0 {
					to = from + i
				}
				if e := trimFolds(h.Raw, Span{from, to}); e.From < e.To && !yield(e) {
					return
				}
				from = to + 1
			}
		}
	}
}

// trimFolds takes white space and folds from both ends. A line end within a value is that of a
// fold.
func trimFolds(raw []byte, s Span) Span {
	for s = trimOWS(raw, s); s.From < s.To; s = trimOWS(raw, s) {
		switch text := raw[s.From:s.To]; {
		case text[0] == '\n':
			s.From++
		case bytes.HasPrefix(text, []byte("\r\n")):
			s.From += 2
		case bytes.HasSuffix(text, []byte("\r\n")):
			s.To -= 2
		case text[len(text)-1] == '\n':
			s.To--
		default:
			return s
		}
	}
	return s
}

// Protocols are the members of the Upgrade field: in a request those it offers, in a 101 those it
// switches to, in any other response those it advertises. In HTTP/2 a request offers what its :protocol
// has, and that is one member (RFC 8441 §4); a response has none.
func (h *Head) Protocols() []Protocol {
	var members []Protocol
	if h.HTTP2() {
		return h.extendedProtocols()
	}
	for e := range h.Elements("Upgrade") {
		text := "websocket" // the common values need no memory of their own
		if string(h.Text(e)) != text {
			text = string(h.Text(e))
		}
		members = append(members, protocolOf(text, e))
	}
	return members
}

// extendedProtocols are the values of :protocol.
func (h *Head) extendedProtocols() (members []Protocol) {
	for v := range h.Values(":protocol") {
		members = append(members, protocolOf(string(h.Text(v)), v))
	}
	return members
}

// protocolOf reads one member.
func protocolOf(text string, at Span) Protocol {
	name, version, slash := strings.Cut(text, "/")
	return Protocol{Name: name, Version: version, Span: at, Valid: IsToken(name) && (!slash || IsToken(version))}
}

// Offers reports whether some member of the Upgrade field has that name; in HTTP/2, whether :protocol has.
func (h *Head) Offers(name string) bool {
	if h.HTTP2() {
		return EqualFold(h.pseudo(":protocol"), name)
	}
	for e := range h.Elements("Upgrade") {
		member, _, _ := bytes.Cut(h.Text(e), []byte("/"))
		if EqualFold(member, name) {
			return true
		}
	}
	return false
}

// ConnectionOptions returns the options of the Connection header (RFC 9110 §7.6.1) in lower case.
// An element that is not a token is not an option; it is returned in malformed.
func (h *Head) ConnectionOptions() (options []string, malformed []Span) {
	for e := range h.Elements("Connection") {
		if text := h.Text(e); IsToken(text) {
			options = append(options, string(bytes.ToLower(text)))
		} else {
			malformed = append(malformed, e)
		}
	}
	return options, malformed
}

// HasOption reports whether the Connection field has that option.
func (h *Head) HasOption(option string) bool {
	for e := range h.Elements("Connection") {
		if EqualFold(h.Text(e), option) {
			return true
		}
	}
	return false
}
