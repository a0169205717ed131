package diagnose

import (
	"slices"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// A View is an exchange as kinds look at it.
type View struct {
	Ruling   *rules.Ruling
	X        *wire.Exchange
	Request  *wire.Request
	Response *wire.Response // nil without one
	Stage    Stage
	Seen     Seen // what earlier exchanges say about this one

	finished    finish // see View.finish
	finishKnown bool
	valid       validity
	sides       [2]side // of the request and of the response; see sideOf

	betweenName, betweenBasis string // see View.Between
	betweenAsked              bool
}

// A side is what kinds ask about one of the messages again and again.
type side struct {
	shown []byte // its head without its secrets; nil until it is asked for
	asked bool   // whether hop and basis are known
	hop   string // the proxy on this side, by name; see HopBefore
	basis string // the header that shows it
}

// sideOf is what is known about the request or the response.
func (v *View) sideOf(p rules.Part) *side {
	if p == rules.InRequest {
		return &v.sides[0]
	}
	return &v.sides[1]
}

// validity is what is known about whether a request is a valid handshake.
type validity uint8

const (
	unasked validity = iota
	valid
	invalid
)

func newView(r *rules.Ruling) View {
	v := View{Ruling: r, X: r.X, Request: r.X.Request, Response: r.X.Response}
	switch {
	case v.Response == nil:
		v.Stage = Unanswered
	case v.Response.Status != 101 && !(v.X.Stream != nil && v.X.Outcome == wire.Switched):
		v.Stage = Answered
	case r.Verdict < rules.Pass:
		v.Stage = Switched
	default:
		v.Stage = Tunnel
	}
	if v.X.Final && v.X.Outcome == wire.Switched && v.X.After.Ended {
		v.Stage |= Over
	}
	return v
}

// Valid reports whether the request is a WebSocket handshake (RFC 6455 §4.1) with which nothing is
// wrong that its sender could be blamed for, so that a server has no reason in the RFCs to reject
// it.
func (v *View) Valid() bool {
	if v.valid == unasked {
		v.valid = invalid
		if isHandshake(v.Request) && v.blameless() {
			v.valid = valid
		}
	}
	return v.valid == valid
}

// isHandshake reports whether a request has every part of a handshake in its form.
func isHandshake(q *wire.Request) bool {
	if q.HTTP2() {
		return isConnect(q)
	}
	const keyLength = 24 // base64 of 16 bytes
	key, _ := q.Value("Sec-WebSocket-Key")
	version, _ := q.Value("Sec-WebSocket-Version")
	length, sized := q.Value("Content-Length")
	return q.Method == "GET" && q.Version == "HTTP/1.1" && len(q.Flaws) == 0 &&
		names(&q.Head, "Upgrade", "websocket") && q.HasOption("upgrade") && q.Count("Host") == 1 &&
		q.Count("Sec-WebSocket-Key") == 1 && len(key) == keyLength &&
		q.Count("Sec-WebSocket-Version") == 1 && version == "13" &&
		!q.Has("Transfer-Encoding") && (!sized || length == "0")
}

// isConnect reports whether a request in HTTP/2 is one for a WebSocket, with every part that it needs (RFC
// 8441 §5).
func isConnect(q *wire.Request) bool {
	protocol, _ := q.Value(":protocol")
	version, _ := q.Value("Sec-WebSocket-Version")
	return q.Method == "CONNECT" && protocol == "websocket" && q.Target != "" && len(q.Flaws) == 0 && version == "13" &&
		q.Count(":protocol") == 1 && q.Count(":scheme") == 1 && q.Count(":path") == 1 && q.Count(":authority") == 1 && q.Count("Sec-WebSocket-Version") == 1
}

// names reports whether an element of a list header is that word.
func names(h *wire.Head, header, word string) bool {
	for e := range h.Elements(header) {
		if wire.EqualFold(h.Text(e), word) {
			return true
		}
	}
	return false
}

// blameless reports whether no rule finds a fault of the client for which a server could reject the
// request.
func (v *View) blameless() bool {
	for i := range v.Ruling.Findings {
		f := &v.Ruling.Findings[i]
		if f.Verdict >= rules.Pass || f.Party != rules.Client || f.Severity <= rules.Info {
			continue
		}
		switch f.Rule.ID {
		case "UPGRADE-WS-CLEARTEXT", "UPGRADE-WS-KEY-REUSED", "UPGRADE-WS-ORIGIN-MISSING", "UPGRADE-TUNNEL-AFTER-REFUSAL":
		default:
			return false
		}
	}
	return true
}

// Whole reports whether the head of the request is known in full, so that a header that is missing
// was not sent.
func (v *View) Whole() bool {
	_, unfinished := v.Request.Flaw(wire.FlawHeadUnfinished)
	_, long := v.Request.Flaw(wire.FlawHeadTooLong)
	return len(v.Request.Raw) > 0 && !slices.Contains(v.X.Lossy, "request fields") && !unfinished && !long
}

// Status is the status of the response; 0 without one.
func (v *View) Status() int {
	if v.Response == nil {
		return 0
	}
	return v.Response.Status
}

// head is the head of the request or of the response; nil if there is none.
func (v *View) head(p rules.Part) *wire.Head {
	switch {
	case p == rules.InRequest:
		return &v.Request.Head
	case v.Response != nil:
		return &v.Response.Head
	}
	return nil
}

// has reports whether a header of the request or of the response contains a text without regard to
// ASCII case. An empty text is in every value.
func (v *View) has(p rules.Part, name, contains string) bool {
	_, ok := v.find(p, name, contains)
	return ok
}

// find returns the value of the first such header.
func (v *View) find(p rules.Part, name, contains string) (at wire.Span, ok bool) {
	h := v.head(p)
	if h == nil {
		return at, false
	}
	for _, f := range h.Fields[:min(len(h.Fields), maxFields)] {
		if f.Name.Len() == len(name) && wire.EqualFold(h.Text(f.Name), name) && contained(h.Text(f.Value), contains) {
			return f.Value, true
		}
	}
	return at, false
}

// maxFields is how many headers of a message are looked at for marks. A message of a product has
// fewer; one with thousands must not cost the time of thousands for each mark.
const maxFields = 256

// field is the first such header as the basis of a cause, Server: "envoy", without its secrets;
// empty if there is none.
func (v *View) field(p rules.Part, name, contains string) string {
	at, ok := v.find(p, name, contains)
	if !ok {
		return ""
	}
	s := v.sideOf(p)
	if s.shown == nil {
		s.shown = v.Ruling.Head(p)
	}
	return name + ": " + rules.Quote(string(s.shown[at.From:at.To]))
}

// sent is the first header of that name in the request as it is shown.
func (v *View) sent(name string) string { return v.field(rules.InRequest, name, "") }

// got is the first header of that name in the response as it is shown.
func (v *View) got(name string) string { return v.field(rules.InResponse, name, "") }

// target is the target of the request in quotation marks, without its secrets.
func (v *View) target() string { return rules.Quote(v.Ruling.Target()) }

// at reports whether the path or the query of the request's target contains a text without regard
// to ASCII case.
func (v *View) at(part string) bool { return contained([]byte(v.Request.Target), part) }

// contained reports whether text contains a part without regard to ASCII case.
func contained(text []byte, part string) bool {
	for i := 0; i+len(part) <= len(text); i++ {
		if wire.EqualFold(text[i:i+len(part)], part) {
			return true
		}
	}
	return false
}
