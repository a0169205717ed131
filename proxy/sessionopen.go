package proxy

import (
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"

	"github.com/interlock-proxy/interlock/internal/errno"
	"github.com/interlock-proxy/interlock/wire"
)

// begin is the first input. Where the backend is an eager one, and known before anything has come,
// it is dialled; so it is where the driver has connected to it already.
func (s *session) begin(connected bool) (a action) {
	if connected && s.stage == waiting {
		s.stage = dialling
		return action{also: dialBackend}
	}
	if !s.routes.eager || s.stage != waiting || s.terms.isOwn(s.arrived) {
		return action{}
	}
	b := s.routes.backend
	if s.routes.choose != nil {
		arrival := *s.arrival
		arrival.Early = true
		b, _ = s.routes.choose(&arrival)
	}
	if b == nil || !b.Eager {
		return action{}
	}
	s.toward(b)
	s.stage = dialling
	return action{also: dialBackend}
}

// toward sets the backend that the connection goes to. Nothing may have been shown to the
// conversation.
func (s *session) toward(b *Backend) {
	b.ready()
	s.backend = b
	s.common.Altered, s.common.Alter = nil, nil
	s.common.Route, s.common.Backend, s.common.BackendTLS = b.Route, b.String(), b.TLS != nil
	s.common.NoFrames, s.common.Messages = b.NoFrames, b.Messages
	if b.ProxyProtocol != 0 {
		s.common.Altered = append(s.common.Altered, "proxy-protocol")
	}
	if s.holding != nil {
		s.editor = nil
	}
	if b.Host != "" {
		s.hold().alter(&s.common, "host", func(head []byte) []byte { return rewriteHost(head, b.Host) })
	}
	if s.holding != nil && s.adjust != nil {
		s.adjust()
	}
}

// first takes what the client has sent before it is known where the connection goes.
func (s *session) first(p []byte, now time.Time) action {
	if s.sealed || s.routes.choose == nil || s.holding != nil && s.fixed {
		return s.start(p, now)
	}
	h := s.hold()
	if s.stage == waiting {
		s.stage, s.deadline = choosing, s.terms.moment(now.Add(s.terms.limits.Head))
		h.scanner = wire.Scanner{Side: wire.FromClient, Pool: s.terms.pool}
	}
	s.spoken = true
	n := len(h.first)
	h.first = append(h.first, p...)
	switch _, event := h.scanner.Scan(h.first[n:], &h.head); event {
	case wire.EventHead:
		return s.choose(wire.ReadRequest(append([]byte(nil), h.head.Raw...)), now)
	case wire.EventOpaque:
		return s.choose(nil, now)
	}
	return action{}
}

// choose finds the backend by the first head; nil: what has come cannot be read as one, or does not
// become one.
func (s *session) choose(q *wire.Request, now time.Time) action {
	h, arrival := s.holding, *s.arrival
	h.scanner.Stop()
	first := h.first
	h.first, arrival.Request = nil, q
	b, why := s.routes.choose(&arrival)
	switch {
	case h.allowed != nil && !h.allowed(b):
		return s.start(first, now) // it goes where it was told to
	case b == nil:
		s.talk.Feed(wire.FromClient, first, now)
		status := "421 Misdirected Request"
		if h.refusal != "" {
			status = "403 Forbidden"
		}
		return s.reply(wire.CauseScope, status, why, now)
	}
	s.toward(b)
	if why != "" {
		s.terms.say(s, notice{event: eventDefaultRoute, text: why})
	}
	s.common.Emit = withStrays(s.common.Emit, s.routes.choose, arrival, b)
	return s.start(first, now)
}

// withStrays has exchanges say where they would have gone, had they been the first of their
// connection. For that, a stream of HTTP/2 inside TLS has a name of its own: clients use a connection for all
// hosts of its certificate (RFC 9113 §9.1.1).
func withStrays(emit func(*wire.Exchange), choose func(*Arrival) (*Backend, string), a Arrival, to *Backend) func(*wire.Exchange) {
	if emit == nil {
		return nil
	}
	sni := a.SNI
	return func(x *wire.Exchange) {
		if len(x.Request.Raw) > 0 {
			if a.Request, a.SNI = x.Request, sni; x.ClientTLS && x.Request.HTTP2() {
				a.SNI = nameOf(x.Request)
			}
			if b, _ := choose(&a); b != nil && b != to {
				x.Elsewhere = b.Route
			}
		}
		emit(x)
	}
}

// nameOf is the name of the host that a request is for; empty if it is for an address or for none.
func nameOf(q *wire.Request) string {
	host, _ := q.Host()
	d, err := parseDestination(host, 443)
	if err != nil || d.addr.IsValid() {
		return ""
	}
	return d.host
}

// start dials the backend, which is known, for the client's first bytes.
func (s *session) start(first []byte, now time.Time) action {
	refusal := ""
	if s.holding != nil {
		refusal = s.refusal
	}
	s.restrain()
	s.stage, s.deadline = dialling, 0
	a := s.carry(wire.FromClient, first, now)
	switch {
	case s.terms.isOwn(s.arrived):
		return s.reply(wire.CauseLoop, "502 Bad Gateway", "the connection comes from this proxy itself: its backend leads back to it", now)
	case refusal != "":
		return s.reply(wire.CauseScope, "403 Forbidden", refusal, now)
	}
	a.also |= dialBackend
	return a
}

// dialled takes what became of a dial. The address is the one that was connected to, or tried last.
// Before the client's bytes the driver writes a preface of so many bytes of its own.
func (s *session) dialled(address string, preface int, err error, now time.Time) (a action) {
	if s.stage != dialling {
		return action{}
	}
	s.deadline = 0
	if s.common.Backend != address {
		s.common.Backend = address
	}
	switch {
	case err != nil && !s.spoken: // there is nobody to tell: it is dialled again with the first byte
		s.stage = waiting
		s.terms.say(s, notice{event: eventNotEarly, text: err.Error()})
		return action{}
	case err != nil:
		cause, status, why := unreached(err, s.terms.limits.Dial)
		if cause != wire.CauseScope {
			why = fmt.Sprintf("cannot reach backend %q: %s", s.common.Backend, why)
		}
		return s.reply(cause, status, why, now)
	}
	s.stage = carrying
	s.unwritten[wire.FromClient] += int32(preface)
	s.talk.Wrote(wire.FromClient, -preface)
	switch {
	case s.sealed:
		s.common.Counts.Tunnels.Add(1)
		s.terms.say(s, notice{event: eventSealed, text: address})
	case !s.spoken:
		if s.routes.choose != nil {
			s.common.Emit = withStrays(s.common.Emit, s.routes.choose, *s.arrival, s.backend)
		}
		s.restrain()
	}
	if s.holding != nil && s.guard != nil {
		return s.letPass(a, wire.FromClient, now)
	}
	return s.settle(a, now)
}

// unreached is what a client is told whose backend cannot be reached.
func unreached(err error, limit time.Duration) (cause wire.Cause, status, why string) {
	cause, status, why = wire.CauseDial, "502 Bad Gateway", err.Error()
	var out *scopeError
	if errors.As(err, &out) {
		return wire.CauseScope, "403 Forbidden", why
	}
	var op *net.OpError
	var secured *tlsError
	if !errors.As(err, &secured) && errors.As(err, &op) {
		why = op.Err.Error()
	}
	var timeout interface{ Timeout() bool }
	switch {
	case errors.Is(err, errno.EMFILE), errors.Is(err, syscall.ENFILE):
		cause, status, why = wire.CauseLimit, "503 Service Unavailable", "no descriptor left"
	case errors.As(err, &timeout) && timeout.Timeout():
		cause, status, why = wire.CauseDialTimeout, "504 Gateway Timeout", fmt.Sprintf("no connection within %v", limit)
	}
	return cause, status, why
}

// reply ends the session with an answer of our own, if the client can read one. The conversation
// does not see it: the backend said nothing.
func (s *session) reply(cause wire.Cause, status, line string, now time.Time) (a action) {
	s.cause.set(cause)
	s.terms.say(s, notice{event: eventAnswered, cause: cause, text: line})
	text := localAnswer(status, line)
	if s.talk.Opaque() || s.sealed {
		text = ""
	}
	return s.hangUp(a, text, now)
}

// localAnswer is a whole response with one line of text, and perhaps more fields.
func localAnswer(status, line string, fields ...string) string {
	body := "interlock: " + line + "\n"
	more := ""
	for _, field := range fields {
		more += field + "\r\n"
	}
	return fmt.Sprintf("HTTP/1.1 %s\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: %d\r\n%sConnection: close\r\n\r\n%s", status, len(body), more, body)
}
