package ui

import "net/http"

// An entry is a word of the pages, and its meaning.
type entry struct {
	ID   string `json:"id"` // links lead to it
	Term string `json:"term"`
	Text string `json:"text"`
}

// glossaryView is the data of the glossary.
type glossaryView struct {
	Entries []entry `json:"entries"`
}

func (u *site) glossary(*http.Request) (sheet, error) {
	return sheet{Title: "Glossary", View: glossaryView{entries()}}, nil
}

// entries are the words in the order in which they are read.
func entries() []entry {
	return []entry{
		{"exchange", "exchange", "A request that asks for an upgrade, or is answered with 101, and its response. In HTTP/2 it is a stream. Interlock judges each one by all rules that apply."},
		{"upgrade", "upgrade", "The Upgrade header of HTTP/1.1 (RFC 9110 §7.8): the client offers to continue the connection in another protocol, such as WebSocket or h2c. HTTP/2 has extended CONNECT in its place."},
		{"http2", "HTTP/2, stream", "One connection carries many requests at a time, each in a stream with a number (RFC 9113). HTTP/2 has no Upgrade header: a client opens a WebSocket by an extended CONNECT (RFC 8441), a request with the method CONNECT whose :protocol names it, and the tunnel is open after a 200. Servers offer that by SETTINGS_ENABLE_CONNECT_PROTOCOL."},
		{"unsafe", "unsafe switch", "The server answered 101 Switching Protocols, or 200 to an extended CONNECT, to a request that it had to reject. From then on the connection is a tunnel, and proxies, filters and authentication in front of the server no longer inspect it."},
		{"verdict", "verdict", "What a rule says about an exchange. fail: the rule is violated. warn: it is not good practice, or legal but risky. unclear: the evidence is not conclusive. pass: the rule applied and holds. n/a: no rule applied. An exchange has the worst verdict of its rules."},
		{"severity", "severity", "How much harm a violation can do. critical: one side leaves HTTP and another side does not. high: two sides disagree about where a message ends, or valid clients are turned away. medium: a requirement is violated without a known attack. low: hardening. info: a fact."},
		{"level", "level", "How binding the cited sentence of the RFC is: must, should or may. advice: no RFC demands it."},
		{"party", "party", "Who violates the rule: the client, the server or an intermediary. A server that accepts a malformed handshake is at fault, not its client."},
		{"outcome", "outcome", "What the server did. switched: it answered 101, or 200 to an extended CONNECT in HTTP/2. refused: 4xx or 5xx. redirected: 3xx. ignored: 2xx, without the upgrade. closed and silent: no response came. reset: the stream was reset. goaway: the server ended the connection before it looked at the request. late: it came after Interlock had stopped waiting. local: Interlock answered, for example because the backend was down."},
		{"finding", "finding", "A rule that did not pass at an endpoint, however often that was seen. Its fingerprint is made of the rule, the probe, the route and the endpoint, so it stays the same from run to run."},
		{"diagnosis", "diagnosis", "Why an upgrade failed, who ended a tunnel, or which hop changed a message: what was observed, its cause with how sure that is, and what to change. It never changes a verdict."},
		{"state", "state", "new: not in the baseline. known: in the baseline, or seen before. reproduced: seen in live traffic and by a probe. accepted: an accept entry covers it, so it fails no run. fixed: the same probe passes now."},
		{"source", "seen by", "live: client traffic showed it. probe: a probe of Interlock showed it. both: live traffic and probes did."},
		{"endpoint", "endpoint", "The path of a request. Parts that look like identifiers are replaced by a placeholder, so /room/17 and /room/18 are one endpoint."},
		{"route", "route", "The part of the configuration that chose the backend. Without routes there is one, named default."},
		{"probe", "probe", "A handshake that is valid except for one defect. A server that rejects it passes."},
		{"control", "control", "The valid handshake that is sent before and after the probes. A rejection counts as a pass only if the server accepts the control: a server that rejects everything proves nothing."},
		{"coverage", "coverage", "The endpoints that were seen, by what is known of them. Nothing is known about an endpoint that no client asked to upgrade."},
		{"tunnel", "tunnel", "The connection after the 101, or in HTTP/2 the stream after the 200: bytes in both directions that are no longer HTTP."},
		{"opaque", "opaque connection", "A connection, or the rest of one, that could not be parsed as HTTP. It is forwarded unchanged and not audited."},
		{"shed", "evidence shed", "Exchanges whose bytes were dropped because memory or the store was full. Their findings are still counted."},
	}
}
