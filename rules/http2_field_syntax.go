package rules

import (
	"bytes"

	"github.com/interlock-proxy/interlock/wire"
)

var _ = register(Rule{
	ID: "UPGRADE-H2-FIELD-SYNTAX", Level: Must, Party: Client,
	Severity: Severities{Refused: Low, Switched: High}, Since: "0.1",
	Versions: HTTP2,
	Title:    "A client and a server send only header names and values that HTTP/2 allows",
	Problem: Problems{
		Switched: "Server accepted a request in HTTP/2 with %s",
		Refused:  "Client sent a request in HTTP/2 with %s",
	},
	Label: "Invalid header in HTTP/2",
	Refs: []Ref{
		{"9113", "8.2.1", "names have no upper-case letter, space, control character or colon; values have no CR, LF or NUL, and no white space at either end"},
		{"9113", "8.1.1", "a message with another one is malformed"},
	},
	Why: `In HTTP/2 a value can contain a line end. A gateway that writes it into HTTP/1.1 writes
further headers or a whole request of the client's choice. With a name in upper case or with a colon,
rules that look for a header do not find it, and the server that the gateway forwards to does. White
space at an end of a value is malformed too, but HTTP/1.1 drops it in any case: that weighs low.`,
	Fix: `Treat such a message as malformed: reset the stream with PROTOCOL_ERROR, or answer
	400. Do not only leave out the header.`,
	When: func(c *Case) bool {
		return !c.headCut && (extended(c) || fieldFault(&c.X.Request.Head).what != "" || answerFault(c).what != "")
	},
	Judge: func(c *Case) Result {
		if fieldFault(&c.X.Request.Head).what == "" && answerFault(c).what != "" {
			return c.result(Fail).by(Server).rated(Low)
		}
		res := refuseUnless(c, fieldFault(&c.X.Request.Head).what == "")
		if fieldFault(&c.X.Request.Head).blank { // no hop reads such a value differently
			return res.rated(Low)
		}
		return res
	},
	Show: func(c *Case, _ Result) Shown {
		fault := fieldFault(&c.X.Request.Head)
		if fault.what == "" {
			fault = answerFault(c)
			return says("Server sent a response in HTTP/2 with %s", []Span{{InResponse, fault.at.From, fault.at.To}}, fault.what)
		}
		return seen([]Span{{InRequest, fault.at.From, fault.at.To}}, fault.what)
	},
	Probes: []Probe{
		malformed2("UPGRADE-H2-FIELD-UPPER", "Header name in upper case", NoField("sec-websocket-version"), FieldAlso("Sec-WebSocket-Version", "13")),
		malformed2("UPGRADE-H2-FIELD-CRLF", "CR LF and a header in a value", FieldAlso("x-a", "1\r\nx-il-smuggled: 1")),
		malformed2("UPGRADE-H2-FIELD-NUL", "NUL byte in a value", FieldAlso("x-a", "1\x00")),
		malformed2("UPGRADE-H2-FIELD-COLON", "Colon in a header name", FieldAlso("x-a:b", "1")),
	},
})

// A badField is what is wrong with a header, and where.
type badField struct {
	what  string // empty: nothing is
	at    wire.Span
	blank bool // it is only white space at an end of a value
}

// answerFault returns the first header of the response that HTTP/2 does not allow.
func answerFault(c *Case) badField {
	if c.X.Response == nil {
		return badField{}
	}
	return fieldFault(&c.X.Response.Head)
}

// fieldFault returns the first header that HTTP/2 does not allow; one with only white space at an end if none
// has more. :protocol has rules of its own.
func fieldFault(h *wire.Head) (white badField) {
	for _, f := range h.Fields {
		name, value := h.Text(f.Name), h.Text(f.Value)
		if bytes.Equal(name, []byte(":protocol")) {
			continue
		}
		switch plain := bytes.TrimPrefix(name, []byte(":")); {
		case !wire.IsToken(plain):
			return badField{what: "an invalid header name, " + quote(name), at: f.Name}
		case bytes.ContainsFunc(plain, func(r rune) bool { return 'A' <= r && r <= 'Z' }):
			return badField{what: "a header name in upper case, " + quote(name), at: f.Name}
		case bytes.IndexByte(value, '\r') >= 0, bytes.IndexByte(value, '\n') >= 0:
			return badField{what: "a line end in the value of " + string(name), at: f.Value}
		case bytes.IndexByte(value, 0) >= 0:
			return badField{what: "a NUL byte in the value of " + string(name), at: f.Value}
		case len(value) > 0 && (isBlank(value[0]) || isBlank(value[len(value)-1])):
			if white.what == "" {
				white = badField{"white space at an end of the value of " + string(name), f.Value, true}
			}
		}
	}
	return white
}

func isBlank(b byte) bool { return b == ' ' || b == '\t' }
