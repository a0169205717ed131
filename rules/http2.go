package rules

import (
	"bytes"

	"github.com/interlock-proxy/interlock/wire"
)

// hostField is the name of the field with the host that a request names: in HTTP/2 that is :authority
// (RFC 9113 §8.3.1), unless there is only Host.
func hostField(h *wire.Head) string {
	if h.HTTP2() && h.Has(":authority") {
		return ":authority"
	}
	return "Host"
}

// atTarget returns where the request has its target: in the value of :path, or in its line.
func (c *Case) atTarget() []Span {
	q := c.X.Request
	if !q.HTTP2() {
		return []Span{{InRequest, q.Start.From, q.Start.To}}
	}
	var at []Span
	for v := range q.Values(":path") {
		at = append(at, Span{InRequest, v.From, v.To})
	}
	return at
}

// extended reports whether the request is an extended CONNECT (RFC 8441 §4).
func extended(c *Case) bool {
	return c.X.Request.Method == "CONNECT" && c.X.Request.Has(":protocol")
}

// refuseUnless passes if the requirement holds for the request; otherwise the server is not to switch. Of a
// probe of the rule, the answer decides.
func refuseUnless(c *Case, holds bool) Result {
	if holds && !c.own() {
		return c.result(Pass)
	}
	return RefuseSwitch(c)
}

// own reports whether the exchange is a probe of the rule that is applied.
func (c *Case) own() bool { return c.probe != nil && c.probe.rule == c.rule }

// connectionFields are the names of fields that are about one connection of HTTP/1, and have no place in
// HTTP/2 (RFC 9113 §8.2.2).
var connectionFields = []string{"Connection", "Proxy-Connection", "Keep-Alive", "Transfer-Encoding"}

// offersH2C reports whether a request in HTTP/2 has what offers h2c in HTTP/1.1: the token in Upgrade.
func offersH2C(h *wire.Head) bool {
	for e := range h.Elements("Upgrade") {
		if name, _, _ := bytes.Cut(h.Text(e), []byte("/")); wire.EqualFold(name, "h2c") {
			return true
		}
	}
	return false
}
