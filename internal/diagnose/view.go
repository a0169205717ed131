package diagnose

import (
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
}

func newView(r *rules.Ruling) View {
	v := View{Ruling: r, X: r.X, Request: r.X.Request, Response: r.X.Response}
	switch {
	case v.Response == nil:
		v.Stage = Unanswered
	case v.Response.Status != 101:
		v.Stage = Answered
	case r.Verdict < rules.Pass || rules.HandshakeFlaw(r.X) != "":
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
// wrong that its sender could be blamed for.
func (v *View) Valid() bool {
	if !v.Request.Offers("websocket") {
		return false
	}
	for i := range v.Ruling.Findings {
		if f := &v.Ruling.Findings[i]; f.Verdict < rules.Pass && f.Party == rules.Client && f.Severity > rules.Info {
			return false
		}
	}
	return true
}

// Status is the status of the response; 0 without one.
func (v *View) Status() int {
	if v.Response == nil {
		return 0
	}
	return v.Response.Status
}

// mark returns a header of a message as the basis of a cause, `Server: "envoy"`, if its value
// contains a text without regard to ASCII case. An empty text is in every value.
func mark(h *wire.Head, name, contains string) string {
	for s := range h.Values(name) {
		if value := h.Text(s); contained(value, contains) {
			return name + ": " + rules.Quote(string(value))
		}
	}
	return ""
}

// contained reports whether text contains a part without regard to ASCII case.
func contained(text []byte, part string) bool {
	for i := 0; i+len(part) <= len(text); i++ {
		if wire.EqualFold(text[i:i+len(part)], part) {
			return true
		}
	}
	return false
}
