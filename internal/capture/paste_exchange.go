package capture

import (
	"cmp"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/wire"
)

// observe counts a pasted exchange, and observes it if it is HTTP/1 and concerns Upgrade.
func (p *paste) observe(e *pasted) {
	if !e.asked && !e.console {
		if e.response.status != 0 {
			p.found = true
			p.report.Headless++
		}
		return
	}
	p.found = true
	as := &entry{request: e.request, response: e.response}
	version := as.version()
	if version == "HTTP/2" || version == "HTTP/3" {
		p.later(e, as)
		return
	}
	assumed := version == ""
	version = cmp.Or(version, "HTTP/1.1")
	if s := parse(e.url).scheme; (s == "ws" || s == "wss") && e.target == "" && len(e.request.fields) == 0 {
		e.console = true // devtools without the request headers
	}
	if e.console && !p.Every {
		p.report.Headless++
		return
	}
	u := e.address()
	q := e.requestHead(u, version)
	if q == nil {
		p.report.Damaged++
		return
	}
	r := e.response.responseHead(version)
	if r != nil {
		p.counts.Exchanges.Add(1)
	}
	if !concerns(q, r) && !p.Every {
		return
	}
	x := &wire.Exchange{Request: q, Response: r, Lossy: e.lossy(q, r, assumed), Outcome: wire.Unseen}
	switch {
	case r != nil:
		x.Outcome, x.After.Opaque = r.Outcome(), r.Status == 101
	case e.end == wire.CauseTimeout:
		x.Outcome, x.Cause = wire.Silent, e.end
	case e.end != "":
		x.Outcome, x.Cause = wire.Closed, e.end
	}
	p.complete(x, e, u)
}

// later counts a pasted exchange of HTTP/2 or HTTP/3, and observes it if it is an extended CONNECT.
func (p *paste) later(e *pasted, as *entry) {
	if !slices.ContainsFunc(e.request.fields, func(f field) bool { return f.name == ":protocol" }) {
		p.report.Over2++
		return
	}
	u := e.address()
	if x := p.http2(as, u.address); x != nil {
		p.complete(x, e, u)
	}
}

// complete observes the exchange of a paste, with what all of them have.
func (p *paste) complete(x *wire.Exchange, e *pasted, u pastedAddress) {
	x.Origin, x.Route, x.BodyDone, x.Final, x.Complete = wire.OriginFile, p.Route, true, true, true
	if x.Backend = e.from.address; x.Backend == "" && u.known {
		x.Backend = new(entry).backend(u.address)
	}
	x.ClientTLS, x.BackendTLS = u.tls(), u.tls()
	if p.Every {
		x.Content = e.content
	}
	x.ID = p.newID(x.Time)
	p.report.Upgrades++
	p.Observe(x)
}

// A pastedAddress is a URL. It is known if its scheme is in the paste.
type pastedAddress struct {
	address
	known bool
}

// address is the URL of the exchange as far as the paste shows it.
func (e *pasted) address() pastedAddress {
	u := pastedAddress{parse(e.url), true}
	if a := parse(e.target); a.scheme == "ws" || a.scheme == "wss" { // as Chrome shows it
		u.address, e.target = a, a.target
	}
	if u.scheme == "" || u.scheme == "other" {
		u = pastedAddress{address{scheme: "http", target: "/"}, e.from.tls}
		for _, f := range e.request.fields {
			if wire.EqualFold(f.name, "Host") {
				u.authority = f.value
			}
		}
		if e.from.tls {
			u.scheme = "https"
		}
	}
	if e.target != "" {
		u.target = e.target
	}
	return u
}

// requestHead builds the head of the request, or returns nil if the paste does not have one.
func (e *pasted) requestHead(u pastedAddress, version string) *wire.Request {
	m := e.request
	m.method = cmp.Or(m.method, "GET")
	if e.console { // what every client sends; Lossy says that it is not in the paste
		m.fields = []field{{"Host", cmp.Or(u.authority, "unknown.invalid")}, {"Connection", "Upgrade"}, {"Upgrade", "websocket"}, {"Sec-WebSocket-Version", "13"}}
		m.bytes = len(u.authority) + 200
	}
	if strings.ContainsAny(u.target, " \r\n") || u.target == "" {
		return nil
	}
	return m.requestHead(u.address, version)
}

// lossy lists what the paste does not have.
func (e *pasted) lossy(q *wire.Request, r *wire.Response, assumed bool) []string {
	lost := []string{LostBytes}
	if e.console || e.provisional || !q.Has("Host") {
		lost = append(lost, LostRequest)
	}
	if r != nil && len(r.Fields) == 0 {
		lost = append(lost, LostResponse)
	}
	if assumed {
		lost = append(lost, LostVersion)
	}
	if r != nil && r.Status == 101 {
		lost = append(lost, LostAftermath)
	}
	if r == nil && e.end == "" {
		lost = append(lost, LostEnd)
	}
	return slices.Clip(lost)
}
