package wire

import "bytes"

// framingFields is what the headers say about the framing of the message, gathered while they are
// scanned.
type framingFields struct {
	length    int64 // the value of Content-Length; -1 if there is none
	coding    bool  // there is a Transfer-Encoding
	chunked   bool  // and its last coding is chunked
	status    int   // of a response
	connect   bool  // the method is CONNECT
	head      bool  // the method is HEAD
	upgrade   bool  // there is an Upgrade field
	handshake bool  // there is a field that only a handshake has
}

// scanRequest parses Raw, which holds a whole request head or, if it never ended, a part of one.
func (h *Head) scanRequest() {
	line := h.scanStart()
	l := splitRequestLine(h.Raw, line)
	if l.extraSpace {
		h.flaw(FlawExtraSpace, l.method.To)
	}
	method := h.Text(l.method)
	h.framing.connect, h.framing.head = string(method) == "CONNECT", string(method) == "HEAD"
	minor, ok := minorVersion(h.Text(l.version))
	if !ok {
		h.flaw(FlawVersion, l.version.From)
	}
	h.scanFramed(ok && minor == 0)
	if h.framing.coding && !h.framing.chunked {
		h.flaw(FlawCodingInvalid, h.offset("Transfer-Encoding"))
	}
}

// scanResponse does the same for a response.
func (h *Head) scanResponse() {
	line := h.scanStart()
	l := splitStatusLine(h.Raw, line)
	h.framing.status = l.status
	minor, ok := minorVersion(h.Text(l.version))
	if !ok {
		h.flaw(FlawVersion, l.version.From)
	}
	h.scanFramed(ok && minor == 0)
}

// scanStart clears the state of an earlier head, skips empty lines and finds the start line.
func (h *Head) scanStart() Span {
	h.Fields, h.Flaws, h.framing = h.Fields[:0], h.Flaws[:0], framingFields{length: -1}
	from := 0
	for from < len(h.Raw) && (h.Raw[from] == '\r' || h.Raw[from] == '\n') {
		from++
	}
	if from > 0 {
		h.flaw(FlawEmptyLineFirst, 0)
	}
	h.Start = Span{from, lineEnd(h.Raw, from)}
	return h.Start
}

// lineEnd returns the end of the text of the line that starts at from: before its CR LF, its LF, or
// the end of raw.
func lineEnd(raw []byte, from int) int {
	i := bytes.IndexByte(raw[from:], '\n')
	if i < 0 {
		return len(raw)
	}
	if i > 0 && raw[from+i-1] == '\r' {
		i--
	}
	return from + i
}

func (h *Head) flaw(kind FlawKind, offset int) {
	h.Flaws = append(h.Flaws, Flaw{Kind: kind, Offset: offset})
}

func (h *Head) offset(name string) int {
	for _, f := range h.Fields {
		if EqualFold(h.Text(f.Name), name) {
			return f.Name.From
		}
	}
	return 0
}

// scanFramed scans the field section and judges the framing that it declares.
func (h *Head) scanFramed(http10 bool) {
	h.scanLines()
	if h.framing.coding && h.framing.length >= 0 {
		h.flaw(FlawLengthCoding, h.offset("Content-Length"))
	}
	if h.framing.coding && http10 {
		h.flaw(FlawCodingHTTP10, h.offset("Transfer-Encoding"))
	}
	for _, f := range h.Flaws {
		if FlawBareLF <= f.Kind && f.Kind <= FlawFieldName {
			if mentionsFraming(h.Raw) { // once: a head can have thousands of flaws
				h.flaw(FlawFramingHidden, f.Offset)
			}
			break
		}
	}
}

// mentionsFraming reports whether the name of a header that decides the framing occurs anywhere,
// even within another line.
func mentionsFraming(raw []byte) bool {
	low := bytes.ToLower(raw)
	return bytes.Contains(low, []byte("content-length")) || bytes.Contains(low, []byte("transfer-encoding"))
}

// scanLines goes through the lines from the start line to the empty line.
func (h *Head) scanLines() {
	raw, fold := h.Raw, false
	bare := false // the line before ended in LF alone
	for from := h.Start.From; from < len(raw); {
		i := bytes.IndexByte(raw[from:], '\n')
		if i < 0 { // an unfinished head
			h.scanText(Span{from, len(raw)})
			return
		}
		text, next := Span{from, from + i}, from+i+1
		crlf := i > 0 && raw[next-2] == '\r'
		if crlf {
			text.To--
		} else {
			h.flaw(FlawBareLF, next-1)
		}
		switch {
		case text.Len() == 0:
			if bare || !crlf {
				h.flaw(FlawHeadEnd, from)
			}
			return
		case from == h.Start.From:
		case isOWS(raw[from]) && fold:
			h.flaw(FlawObsFold, from)
			h.fold(text)
		case isOWS(raw[from]):
			h.flaw(FlawLeadingSpace, from)
		default:
			fold = true
			h.scanField(text)
		}
		h.scanText(text)
		from, bare = next, !crlf
	}
}

// fold lets the value of the last field reach to the end of the line that goes on with it.
func (h *Head) fold(text Span) {
	if len(h.Fields) == 0 {
		return
	}
	if t := trimOWS(h.Raw, text); t.Len() > 0 {
		v := &h.Fields[len(h.Fields)-1].Value
		if v.Len() == 0 {
			v.From = t.From
		}
		v.To = t.To
	}
}

// scanText looks for bytes that have no place in a line.
func (h *Head) scanText(text Span) {
	for i, c := range h.Raw[text.From:text.To] {
		if c >= ' ' && c != 0x7f || c == '\t' {
			continue
		}
		if c == '\r' {
			h.flaw(FlawBareCR, text.From+i)
		} else {
			h.flaw(FlawControl, text.From+i)
		}
		return // one of a line is enough
	}
}

// scanField parses one header line and records what it says about the framing.
func (h *Head) scanField(text Span) {
	colon := bytes.IndexByte(h.Raw[text.From:text.To], ':')
	if colon < 0 {
		h.flaw(FlawNoColon, text.From)
		return
	}
	name := Span{text.From, text.From + colon}
	value := trimOWS(h.Raw, Span{name.To + 1, text.To})
	if n := trimOWS(h.Raw, name); n != name {
		h.flaw(FlawSpaceBeforeColon, n.To)
		name = n
	}
	word := h.Text(name)
	if !IsToken(word) {
		h.flaw(FlawFieldName, name.From)
	}
	h.Fields = append(h.Fields, Field{Name: name, Value: value})
	switch len(word) {
	case len("Upgrade"):
		h.framing.upgrade = h.framing.upgrade || EqualFold(word, "Upgrade")
	case len("Content-Length"): // and of HTTP2-Settings
		if EqualFold(word, "Content-Length") {
			h.scanLength(value)
		} else if EqualFold(word, "HTTP2-Settings") {
			h.framing.handshake = true
		}
	case len("Transfer-Encoding"): // and of Sec-WebSocket-Key
		if EqualFold(word, "Transfer-Encoding") {
			h.scanCoding(value)
		} else if EqualFold(word, "Sec-WebSocket-Key") {
			h.framing.handshake = true
		}
	case len("Sec-WebSocket-Version"):
		h.framing.handshake = h.framing.handshake || EqualFold(word, "Sec-WebSocket-Version")
	}
}

// scanLength reads a Content-Length: one decimal number, or a list of the same one (RFC 9112 §6.3).
func (h *Head) scanLength(value Span) {
	for from := value.From; from <= value.To; {
		to := value.To
		if i := bytes.IndexByte(h.Raw[from:to], ','); i >= 0 {
			to = from + i
		}
		n, ok := parseLength(h.Text(trimOWS(h.Raw, Span{from, to})))
		switch {
		case !ok:
			h.flaw(FlawLengthInvalid, value.From)
			h.framing.length = max(h.framing.length, 0)
			return
		case h.framing.length >= 0 && h.framing.length != n:
			h.flaw(FlawLengthDiffers, value.From)
		case h.framing.length >= 0:
			h.flaw(FlawLengthRepeated, value.From)
		}
		h.framing.length = n
		from = to + 1
	}
}

// parseLength reads decimal digits and nothing else, up to 10^18.
func parseLength(b []byte) (n int64, ok bool) {
	if len(b) == 0 || len(b) > 18 {
		return 0, false
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}

// scanCoding reads a Transfer-Encoding. Only a chunked that comes last, and only once, frames a
// message.
func (h *Head) scanCoding(value Span) {
	before := h.framing.chunked
	h.framing.coding, h.framing.chunked = true, false
	seen := before
	for from := value.From; from <= value.To; {
		to := value.To
		if i := bytes.IndexByte(h.Raw[from:to], ','); i >= 0 {
			to = from + i
		}
		if coding := h.Text(trimOWS(h.Raw, Span{from, to})); len(coding) > 0 {
			if seen { // something follows chunked
				h.flaw(FlawCodingInvalid, value.From)
			}
			h.framing.chunked = EqualFold(coding, "chunked")
			seen = seen || h.framing.chunked
		} else if to == value.To && from == value.From {
			h.framing.chunked = before
		}
		from = to + 1
	}
}
