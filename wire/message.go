package wire

import "bytes"

// A Request is the head of a request (RFC 9112 §3). The words of its line are as they were sent:
// nothing is decoded, checked or folded. Version is empty if the line has none (HTTP/0.9).
type Request struct {
	Head
	Method, Target, Version string
}

// A Response is the head of a response (RFC 9112 §4).
type Response struct {
	Head
	Version string
	Status  int
	Reason  string
}

// ReadRequest reads a whole head, from the first byte of the request to the end of the empty line.
// The request keeps raw. It cannot fail on content; missing parts are empty.
func ReadRequest(raw []byte) *Request {
	q := &Request{Head: Head{Raw: raw, Fields: fieldsOf(raw)}}
	if q.HTTP2() {
		q.scanHTTP2()
		q.Method, q.Target, q.Version = word([]byte(q.pseudo(":method"))), q.pseudo(":path"), "HTTP/2"
		return q
	}
	q.scanRequest()
	q.split()
	return q
}

// ReadResponse reads a whole head, from the first byte of the response to the end of the empty
// line. The response keeps raw. It cannot fail on content; a status that cannot be read is 0.
func ReadResponse(raw []byte) *Response {
	p := &Response{Head: Head{Raw: raw, Fields: fieldsOf(raw)}}
	if p.HTTP2() {
		p.scanHTTP2()
		p.Version, p.Status = "HTTP/2", statusOf(p.pseudo(":status"))
		return p
	}
	p.scanResponse()
	p.split()
	return p
}

// request makes a request of a head that was scanned as one, with raw, which it keeps, in the place
// of Raw.
func (h *Head) request(raw []byte) *Request {
	q := &Request{Head: h.kept(raw)}
	q.split()
	return q
}

// response does so for a response.
func (h *Head) response(raw []byte) *Response {
	p := &Response{Head: h.kept(raw)}
	p.split()
	return p
}

// kept is the head with other memory, of which raw is the bytes.
func (h *Head) kept(raw []byte) Head {
	return Head{Raw: raw, Start: h.Start, Fields: append([]Field{}, h.Fields...), Flaws: append([]Flaw(nil), h.Flaws...), framing: h.framing}
}

// split takes the start line apart.
func (q *Request) split() {
	l := splitRequestLine(q.Raw, q.Start)
	q.Method, q.Target, q.Version = word(q.Text(l.method)), string(q.Text(l.target)), word(q.Text(l.version))
}

// split takes the start line apart.
func (p *Response) split() {
	l := splitStatusLine(p.Raw, p.Start)
	p.Version, p.Status, p.Reason = word(p.Text(l.version)), l.status, word(p.Text(l.reason))
}

// statusOf is the number that three digits are, from 100 on; 0 for anything else.
func statusOf(digits string) (status int) {
	if len(digits) != 3 || digits[0] == '0' {
		return 0
	}
	for _, c := range []byte(digits) {
		if c < '0' || c > '9' {
			return 0
		}
		status = status*10 + int(c-'0')
	}
	return status
}

// fieldsOf is room for the fields of a head, as far as most have that many.
func fieldsOf(raw []byte) []Field {
	const most = 32
	return make([]Field, 0, min(bytes.Count(raw, []byte{'\n'}), most))
}

// word is the text, without memory of its own if it is one of those that most start lines have.
func word(text []byte) string {
	switch string(text) {
	case "GET":
		return "GET"
	case "HTTP/1.1":
		return "HTTP/1.1"
	case "Switching Protocols":
		return "Switching Protocols"
	}
	return string(text)
}

type requestLine struct {
	method, target, version Span
	extraSpace              bool
}

// splitRequestLine splits a request line at whitespace. The last word is the version if it looks
// like one in any case, so that a target may contain spaces; otherwise there is none.
func splitRequestLine(raw []byte, s Span) (l requestLine) {
	word := func(from int) int {
		for from < s.To && !isOWS(raw[from]) {
			from++
		}
		return from
	}
	l.method = Span{s.From, word(s.From)}
	rest := trimOWS(raw, Span{l.method.To, s.To})
	last := rest.To
	for last > rest.From && !isOWS(raw[last-1]) {
		last--
	}
	l.target, l.version = rest, Span{s.To, s.To}
	if last > rest.From && rest.To-last >= 5 && EqualFold(raw[last:last+5], "HTTP/") {
		l.version = Span{last, rest.To}
		l.target = trimOWS(raw, Span{rest.From, last})
	}
	l.extraSpace = l.target.From-l.method.To > 1 || l.version.From-l.target.To > 1 && l.version.From < l.version.To ||
		rest.To < s.To
	return l
}

type statusLine struct {
	version, reason Span
	status          int
}

// splitStatusLine takes a status line apart. It is lenient: servers write http/1.1, HTTP/1.1x and
// leave the reason out.
func splitStatusLine(raw []byte, s Span) (l statusLine) {
	i := bytes.IndexByte(raw[s.From:s.To], ' ')
	if i < 0 {
		return statusLine{version: s, reason: Span{s.To, s.To}}
	}
	l.version = Span{s.From, s.From + i}
	rest := trimOWS(raw, Span{s.From + i, s.To})
	l.reason = Span{s.To, s.To}
	if rest.To-rest.From < 3 || rest.To-rest.From > 3 && !isOWS(raw[rest.From+3]) {
		return l
	}
	for _, c := range raw[rest.From : rest.From+3] {
		if c < '0' || c > '9' {
			return l
		}
		l.status = l.status*10 + int(c-'0')
	}
	if l.status < 100 {
		l.status = 0
	}
	l.reason = trimOWS(raw, Span{rest.From + 3, rest.To})
	return l
}

// minorVersion returns the digit after "HTTP/1."; ok is false if the word is anything else.
func minorVersion(word []byte) (minor byte, ok bool) {
	if len(word) != 8 || string(word[:7]) != "HTTP/1." || word[7] < '0' || word[7] > '9' {
		return 0, false
	}
	return word[7] - '0', true
}

// Host is the value of the first line by which a request says which host it is for: Host, and in HTTP/2 :authority,
// or Host without one; ok reports whether there is one.
func (q *Request) Host() (value string, ok bool) {
	if q.HTTP2() {
		if value, ok = q.Value(":authority"); ok {
			return value, true
		}
	}
	return q.Value("Host")
}
