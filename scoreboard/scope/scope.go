// Package scope decides what the scoreboard publishes: the probes that it sends, and the rules whose
// findings it shows. The results name products, so they are about conformance of the handshake only.
// What would be a security hole of a product is for its makers first.
package scope

import (
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/scoreboard/results"
)

// The reasons to leave a probe or a rule out.
const (
	crash   = "can crash servers"
	timing  = "measures time, which differs between machines"
	version = "HTTP/2, and not the HTTP/1.1 handshake"
	frames  = "frames, after the handshake"
	access  = "who may connect, which the application decides"
	canary  = "connections that a server is led to open"
	bodies  = "request bodies, and where they end"
	hidden  = "lines and names that parsers read in different ways"
	early   = "bytes that are sent before the response"
	gateway = "proxies and gateways"
)

// Reason says why a probe is left out; empty if it is sent.
func Reason(p *rules.Probe) string {
	h := p.On(rules.NewHandshake("http", "server.test", "/", "dGhlIHNhbXBsZSBub25jZQ=="))
	switch {
	case p.Risk == rules.Crash:
		return crash
	case p.HTTP2():
		return version
	}
	if reason := RuleReason(p.Rule()); reason != "" {
		return reason
	}
	switch {
	case p.Frames != nil || h.After != "" || len(h.Asks) > 0:
		return frames
	case len(p.Sizes) > 0:
		return timing
	case p.At != rules.AtEndpoint || len(p.Twins) > 0:
		return access
	case h.Lures():
		return canary
	case h.Early != "" || h.Ahead != "":
		return early
	case h.Content != "" || h.Hold != rules.HoldNothing:
		return bodies
	}
	return ""
}

// RuleReason says why findings of a rule are left out, whatever probe they are about; empty if they
// are shown.
func RuleReason(r *rules.Rule) string {
	if reason := topic(r.ID); reason != "" {
		return reason
	}
	switch {
	case r.Hop, r.Party == rules.Intermediary:
		return gateway
	case r.Versions == rules.HTTP2:
		return version
	}
	return ""
}

// topic is the reason to leave out the rule of an ID, by what it is about.
func topic(id string) string {
	id = strings.TrimPrefix(id, "UPGRADE-")
	for _, t := range []struct {
		reason string
		ids    []string // one that ends in a hyphen is the beginning of several
	}{
		{crash, []string{"CRASH"}},
		{timing, []string{"SLOW-HEADER"}},
		{version, []string{"H2C-PRIOR", "H2C-CLIENT-PREFACE", "H2C-SERVER-PREFACE"}},
		{frames, []string{
			"WS-AFTER-CLOSE", "WS-CLOSE-", "WS-CONTROL", "WS-LENGTH", "WS-MASK-CONST", "WS-MASKED-SERVER", "WS-MESSAGE-LIMIT", "WS-OPCODE",
			"WS-PONG", "WS-RSV", "WS-UNMASKED", "WS-UTF8", "101-TRAFFIC-HTTP",
		}},
		{access, []string{
			"AUTH-", "IDENTITY", "WS-ORIGIN-", "CONN-END2END", "WS-CLEARTEXT", "TLS-MANDATORY", "H2C-TUNNEL", "401-CHALLENGE",
		}},
		{canary, []string{"TARGET-CANARY"}},
		{bodies, []string{
			"BODY", "101-BEFORE-BODY", "CL-", "TE-UNFRAMED", "IGNORED-BODY", "EXPECT-ORDER", "H2C-BODY", "PIPELINED", "REJECT-KEEPALIVE",
			"TRAILING-CRLF", "101-LATE", "1XX-FRAMED", "RESP-HTTP10-CODING", "101-CL", "101-TE",
		}},
		{hidden, []string{
			"BARE-CR", "BARE-LF", "CTL", "SYNTAX", "FIELD-NAME", "HOST-DUP", "LEAD-WS", "OBS-FOLD", "SPACE-COLON", "UNDERSCORE", "TARGET-AUTHORITY-MISMATCH",
			"RESP-CTL", "RESP-CUT-OFF", "RESP-FIELD-NAME", "RESP-OBS-FOLD", "RESP-UNREADABLE",
		}},
		{early, []string{"EARLY-DATA", "TLS-EARLY", "UDP-EARLY", "TUNNEL-AFTER-REFUSAL", "101-NOT-SWITCHED"}},
		{gateway, []string{"CAPSULE-", "CONNECT", "CONNECT-", "UDP-", "HOP-", "H2C-OFFER"}},
	} {
		if slices.ContainsFunc(t.ids, func(of string) bool { return of == id || strings.HasSuffix(of, "-") && strings.HasPrefix(id, of) }) {
			return t.reason
		}
	}
	return ""
}

// Probes returns the probes that are sent. The control at the end of a run is not among them: package
// probe sends it by itself.
func Probes() (sent []*rules.Probe) {
	for _, p := range rules.Probes() {
		if Reason(p) == "" && !p.Ends() {
			sent = append(sent, p)
		}
	}
	return sent
}

// LeftOut returns the probes that are not sent, and why, by ID.
func LeftOut() (left []results.Left) {
	for _, p := range rules.Probes() {
		if reason := Reason(p); reason != "" {
			left = append(left, results.Left{Probe: p.ID, Reason: reason})
		}
	}
	slices.SortFunc(left, func(a, b results.Left) int { return strings.Compare(a.Probe, b.Probe) })
	return left
}
