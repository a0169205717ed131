package rules

import (
	"slices"
	"strconv"
)

// An Edit introduces one defect into a handshake, or writes it in another valid way. Several
// goroutines may use it at the same time on different handshakes.
type Edit func(*Handshake)

// Edits combines several edits into one, in order.
func Edits(edits ...Edit) Edit {
	return func(h *Handshake) {
		for _, edit := range edits {
			edit(h)
		}
	}
}

// Method sends another method.
func Method(method string) Edit { return func(h *Handshake) { h.Method = method } }

// Version sends another HTTP version; an empty one ends the request line after the target, as in
// HTTP/0.9.
func Version(version string) Edit { return func(h *Handshake) { h.Version = version } }

// Target sends the result of the function as the request target.
func Target(of func(*Handshake) string) Edit { return func(h *Handshake) { h.Target = of(h) } }

// Without removes all lines of these headers.
func Without(names ...string) Edit {
	return func(h *Handshake) {
		for _, name := range names {
			h.Lines = slices.DeleteFunc(h.Lines, hasName(name))
		}
	}
}

// Set sets a header to one line with that value, in place of the first line of that name or after
// all others.
func Set(name, value string) Edit {
	return func(h *Handshake) {
		i := h.find(name)
		if i == len(h.Lines) {
			h.Lines = append(h.Lines, line(name, value))
			return
		}
		l := h.Lines[i]
		l.Value = value
		h.Lines = slices.DeleteFunc(h.Lines, hasName(name))
		h.Lines = slices.Insert(h.Lines, i, l)
	}
}

// Default is Set, unless the handshake already has that header.
func Default(name, value string) Edit {
	return func(h *Handshake) {
		if h.find(name) == len(h.Lines) {
			Set(name, value)(h)
		}
	}
}

// SetTo is Set with a value that depends on the handshake.
func SetTo(name string, of func(*Handshake) string) Edit {
	return func(h *Handshake) { Set(name, of(h))(h) }
}

// Twice adds a second line of a header directly after the first one.
func Twice(name, value string) Edit {
	return func(h *Handshake) {
		i := min(h.find(name)+1, len(h.Lines))
		h.Lines = slices.Insert(h.Lines, i, line(name, value))
	}
}

// Rename writes the name of a header differently. The new name does not have to be valid.
func Rename(name, as string) Edit {
	return each(name, func(l *Line) { l.Name = as })
}

// Between replaces the colon and space between a header's name and value.
func Between(name, gap string) Edit {
	return each(name, func(l *Line) { l.Gap = gap })
}

// Ending changes the line end of a header.
func Ending(name, end string) Edit {
	return each(name, func(l *Line) { l.End = end })
}

func each(name string, edit func(*Line)) Edit {
	return func(h *Handshake) {
		for i := range h.Lines {
			if hasName(name)(h.Lines[i]) {
				edit(&h.Lines[i])
			}
		}
	}
}

// Content adds a body. The edit of the head, which sets its framing, comes with it.
func Content(content string, head Edit) Edit {
	return func(h *Handshake) {
		head(h)
		h.Content = content
	}
}

// Withheld holds the body back.
func Withheld(hold Hold) Edit { return func(h *Handshake) { h.Hold = hold } }

// Early sends bytes after the request in the same write.
func Early(of func(*Handshake) string) Edit { return func(h *Handshake) { h.Early = of(h) } }

// Ahead sends another request before this one in the same write.
func Ahead(of func(*Handshake) string) Edit { return func(h *Handshake) { h.Ahead = of(h) } }

// After sends text after the server has switched.
func After(of func(*Handshake) string) Edit { return func(h *Handshake) { h.After = of(h) } }

// Always is for edits that do not depend on the handshake.
func Always(text string) func(*Handshake) string { return func(*Handshake) string { return text } }

// Offer offers a protocol other than WebSocket, without the headers of RFC 6455.
func Offer(protocol string) Edit {
	return Edits(Without(keyField, versionField, protocolField, extensionField), Set("Upgrade", protocol))
}

// OfferH2C makes the handshake an offer of HTTP/2 over cleartext (RFC 7540 §3.2).
func OfferH2C() Edit {
	return Edits(Offer("h2c"), Set("Connection", "Upgrade, HTTP2-Settings"), Set("HTTP2-Settings", h2cSettings))
}

// NoOffer makes the handshake an ordinary request: without an offer and its headers.
func NoOffer() Edit {
	return Without("Connection", "Upgrade", "HTTP2-Settings", keyField, versionField, protocolField, extensionField)
}

// h2cSettings is a SETTINGS payload of three parameters in base64url (RFC 7540 §3.2.1, §6.5.1).
const h2cSettings = "AAMAAABkAAQAoAAAAAIAAAAA"

// beginH2 starts HTTP/2 with prior knowledge (RFC 9113 §3.3, §3.4): with the preface and a SETTINGS
// frame, and without a request.
func beginH2(h *Handshake) {
	h.Method, h.Target, h.Version, h.Lines, h.Stream = "PRI", "*", "HTTP/2.0", nil, nil
	h.Early = h2Preface[len(h.Head()):] + "\x00\x00\x00\x04\x00\x00\x00\x00\x00"
}

// again is a harmless second request for the host of the handshake.
func again(h *Handshake) string {
	return "GET " + h.Canary + " HTTP/1.1" + crlf + "Host: " + h.Host + crlf + crlf
}

// ping is a masked WebSocket ping with the payload up; pong is the answer to it (RFC 6455 §5.5.2,
// §5.5.3).
const ping = "\x89\x82\x12\x34\x56\x78\x67\x44"

// fill adds that many headers without a meaning.
func fill(n int) []Line {
	lines := make([]Line, n)
	for i := range lines {
		lines[i] = line("X-"+strconv.Itoa(i), "1")
	}
	return lines
}
