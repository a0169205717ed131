package rules

import (
	"slices"

	"github.com/interlock-proxy/interlock/wire"
)

// A sight says what a sighting means.
type sight struct {
	what     wire.Sight
	rule     string
	verdict  Verdict
	severity Severity
	text     string // the finding; %s is the detail of the sighting
}

// leads reports whether the finding stays where the bytes break the rule as badly: it says more than they do.
func (s *sight) leads() bool {
	return slices.Contains([]wire.Sight{wire.SightDeniedEarly, wire.SightDeniedLate, wire.SightDenied101, wire.SightDeniedH2C}, s.what)
}

// sights returns what each sighting means. Those that change the judgment of rules on the bytes are
// not here: the twin, a 101 without a tunnel, and what is lost directly after a 101.
func sights() []sight {
	const (
		relay, twin, identity = "UPGRADE-HOP-L4", "UPGRADE-HOP-TWIN", "UPGRADE-HOP-IDENTITY-LOST"
		tunnel, tail          = "UPGRADE-HOP-TUNNEL", "UPGRADE-HOP-TAIL-LOST"
		order, connect        = "UPGRADE-HOP-ORDER", "UPGRADE-HOP-CONNECT-OPEN"
		early, refused, lost  = "UPGRADE-HOP-PREMATURE", "UPGRADE-HOP-TUNNEL-NON101", "UPGRADE-HOP-101-LOST"
		response, request     = "UPGRADE-HOP-REUSE-RESPONSE", "UPGRADE-HOP-REUSE-BODY"
		switched, body        = "UPGRADE-HOP-REUSE-TUNNEL", "UPGRADE-HOP-BODY"
	)
	return []sight{
		{wire.SightRelay, relay, Warn, Info, "Proxy forwards bytes that are not HTTP, and requests byte for byte"},
		{wire.SightSniffs, relay, Warn, Medium, "Proxy forwards bytes that are not HTTP once a connection has begun with a request"},

		{wire.SightBroken, tunnel, Fail, High, "Proxy does not forward a GET without an offer and the response to it: %s"},
		{wire.SightUnanswered, tunnel, Fail, High, "Proxy does not answer a valid handshake: %s"},
		{wire.SightRefused, tunnel, Fail, High, "Proxy does not accept a valid handshake: the server switched, and the client got %s"},
		{wire.SightNoMore, tunnel, Fail, High, "Proxy does not accept a valid handshake any more, as it did before the other probes"},
		{wire.SightSplit, tunnel, Fail, Medium, "Proxy does not accept a handshake that comes in pieces: the client got %s"},
		{wire.SightAnswerLost, tunnel, Fail, High, "Proxy does not forward the response to a rejected offer: the client got %s"},
		{wire.SightEndLost, tunnel, Fail, Medium, "Proxy does not forward a response that ends with the connection: the client got %s"},
		{wire.SightBodyLost, tunnel, Warn, Medium, "Proxy loses the body of the response to a rejected offer"},
		{wire.SightHangs, tunnel, Fail, Medium, "Proxy neither answers nor closes where the server has closed without a byte"},
		{wire.SightOvertakes, order, Fail, High, "Proxy sent the 101 for a second request before the response to the first one, which then lands inside the tunnel"},
		{wire.SightPipelineHangs, order, Fail, Medium, "Proxy answers neither of two requests that came in one write"},
		{wire.SightTwinDiffers, twin, Warn, Medium, "Proxy treats requests with an offer differently: %s"},
		{wire.SightIdentityLost, identity, Fail, High, "Proxy left out headers of its own because the client listed them in Connection: %s"},
		{wire.SightCanary, "UPGRADE-HOP-TARGET", Fail, Critical, "Proxy connects to a server that only the client has named: %s"},
		{wire.SightConnectDead, connect, Fail, Medium, "Proxy answered CONNECT with %s and opened no tunnel"},
		{wire.SightConnectServed, connect, Warn, Medium, "Proxy rejected CONNECT and then answered another request on the same connection"},

		{wire.SightRawEarly, early, Fail, Critical, "Proxy forwarded bytes that are not HTTP before the server had answered the offer"},
		{wire.SightPrefix, early, Warn, Medium, "Proxy forwarded the beginning of a request after an offer"},
		{wire.SightRawLate, refused, Fail, Critical, "Proxy forwards bytes that are not HTTP after the server has rejected an offer"},
		{wire.SightDeniedEarly, early, Fail, Critical, "Proxy forwarded a request for %s, which it rejects without an offer, before the server had answered the offer"},
		{wire.SightDeniedLate, refused, Fail, Critical, "Proxy forwarded a request for %s, which it rejects without an offer, after the server had rejected the offer"},
		{wire.SightDenied101, "UPGRADE-HOP-101-UNCHECKED", Fail, Critical, "Proxy forwarded a request for %s, which it rejects otherwise, after a 101 that the client did not ask for"},
		{wire.SightDeniedH2C, "UPGRADE-HOP-FORWARDED", Fail, Critical, "Proxy forwarded a request for %s, which it rejects otherwise, in a tunnel of h2c"},
		{wire.SightStreamEarly, early, Fail, Critical, "Proxy forwarded the bytes in a stream of HTTP/2 as a request in HTTP/1.1 before the server had answered the offer"},
		{wire.SightStreamLate, refused, Fail, Critical, "Proxy forwarded the bytes in a stream of HTTP/2 as a request in HTTP/1.1 after the server had rejected the offer"},
		{wire.SightOpened, refused, Fail, High, "Proxy told the client in HTTP/2 that there is a tunnel, although the server answered %s"},
		{wire.SightOpenedUnchecked, "UPGRADE-HOP-101-UNCHECKED", Fail, Medium, "Proxy opened a tunnel in HTTP/2 for a 101 that does not accept the handshake: it %s"},
		{wire.SightNoMessage, tunnel, Fail, High, "Proxy opened a tunnel in HTTP/2 that passes no message"},
		{wire.SightEarlyLost, tail, Fail, High, "Proxy lost what the client sent together with its offer"},
		{wire.SightTailLost, tail, Fail, High, "Proxy lost the end of what the server sent before it closed the tunnel"},
		{wire.SightSplit101, lost, Fail, High, "Proxy did not forward a 101 that came in pieces: the client got %s"},
		{wire.SightInterim101, lost, Fail, Medium, "Proxy did not forward a 101 that follows another 1xx response: the client got %s"},
		{wire.Sight101Hangs, lost, Warn, Medium, "Proxy neither forwarded the server's 101 nor answered"},

		{wire.SightCrossed, tunnel, Fail, Critical, "Proxy sends bytes of one client's tunnel to another client"},
		{wire.SightInner, tunnel, Fail, Critical, "Proxy reads a request inside a tunnel and sends it to the server"},
		{wire.SightMoved, tunnel, Fail, Critical, "Proxy sends bytes of a tunnel on another connection to the server"},
		{wire.SightChanged, tunnel, Fail, High, "Proxy changes or loses bytes of a tunnel"},
		{wire.SightBulkLost, tunnel, Fail, High, "Proxy changes or loses bytes of a tunnel when 1 MiB goes each way at once"},
		{wire.SightHalfLost, tunnel, Warn, Medium, "Proxy loses what the server sends after the client has ended its direction"},
		{wire.SightFINKept, tunnel, Warn, Medium, "Proxy does not tell the %s that the other side has ended its direction"},
		{wire.SightBothClosed, tunnel, Warn, Low, "Proxy closes both directions of a tunnel when the %s ends one"},
		{wire.SightLeaks, tunnel, Fail, High, "Proxy keeps the connection to the server open after the client has closed the tunnel"},
		{wire.SightCloseIgnored, tunnel, Fail, High, "Proxy keeps the connection to the client open after the server has closed the tunnel"},
		{wire.SightResetIgnored, tunnel, Fail, High, "Proxy keeps the connection to the client open after the server has reset the tunnel"},

		{wire.SightPoisoned, response, Fail, Critical, "Proxy gave another client the second response that the server had sent"},
		{wire.SightSecondResponse, response, Fail, High, "Proxy forwarded a second response to one request"},
		{wire.SightGlued, request, Fail, Critical, "Proxy put what one client had left unfinished in front of another client's request"},
		{wire.SightIntoBody, request, Fail, Critical, "Proxy sent another client's request where the server still waits for a body"},
		{wire.SightPooled, switched, Fail, Critical, "Proxy sent another client's request on a connection on which the server had sent a 101"},
		{wire.SightBodySmuggled, body, Fail, Critical, "Proxy sent the body of an upgrade request without its length: the server read it as a request"},
		{wire.SightBodyPoisons, body, Fail, Critical, "Proxy made the server read another client's request as the body of an upgrade request"},
		{wire.SightBodyUnsent, body, Fail, High, "Proxy announced the body of an upgrade request and did not send it"},
		{wire.SightBodyDropped, body, Fail, Medium, "Proxy dropped the body of an upgrade request and its length"},
		{wire.SightBodyVanished, body, Fail, Medium, "Proxy lost the body of an upgrade request that the server accepted"},
		{wire.SightBodyUnframed, body, Fail, High, "Proxy sent the body of an upgrade request as bytes of the tunnel"},
	}
}

// Sightings returns the sentences of the findings that come from what both sides of a proxy saw beside
// the bytes; %s is the detail of the sighting.
func (r *Rule) Sightings() (texts []string) {
	for _, row := range sights() {
		if row.rule == r.ID {
			texts = append(texts, row.text)
		}
	}
	return texts
}

// saw reports whether both sides of the hop saw that.
func (c *Case) saw(what wire.Sight) bool {
	_, ok := c.X.Hop.Saw(what)
	return ok
}

// judgeSeen adds what the sightings mean. Of a rule that the bytes break as well, the worse finding
// stays.
func judgeSeen(c *Case, ruling *Ruling) {
	if len(c.X.Hop.Seen) == 0 {
		return
	}
	for _, row := range sights() {
		seen, ok := c.X.Hop.Saw(row.what)
		c.rule = Find(row.rule)
		if !ok || slices.Contains(c.Options.Off, row.rule) {
			continue
		}
		f := seenFinding(c, row, seen)
		if old := ruling.Find(row.rule); old != nil {
			if old.Verdict < f.Verdict || old.Verdict == f.Verdict && (old.Severity > f.Severity || old.Severity == f.Severity && !row.leads()) {
				continue
			}
			ruling.Findings = slices.DeleteFunc(ruling.Findings, func(f Finding) bool { return f.Rule == c.rule })
		}
		c.add(ruling, f)
	}
}

// seesFault reports whether a sighting breaks that rule.
func seesFault(c *Case, r *Rule) bool {
	return r.Hop && slices.ContainsFunc(sights(), func(row sight) bool { return row.rule == r.ID && row.verdict <= Warn && c.saw(row.what) })
}

func seenFinding(c *Case, row sight, seen wire.Sighting) Finding {
	res := c.result(row.verdict).rated(row.severity)
	q := c.X.Request
	shown := says(row.text, nil, readable(seen.Detail))
	if len(q.Raw) > 0 {
		shown.Spans = []Span{{InRequest, q.Start.From, q.Start.To}}
	}
	return Finding{Rule: c.rule, Verdict: res.Verdict, Severity: res.Severity, Party: res.Party, Refs: res.Refs, Detail: c.detail(res, "", shown), Spans: shown.Spans}
}

// noteTwin says of what did not pass that it is no fault of upgrades, if the twin shows it too. With a
// probe this is about its own rule.
func noteTwin(c *Case, ruling *Ruling) {
	if !c.saw(wire.SightTwin) {
		return
	}
	own := ruling.own()
	for i := range ruling.Findings {
		if f := &ruling.Findings[i]; f.Verdict < Pass && (own == nil || f.Rule == own) {
			f.Detail = withNote(f.Detail, "a request without an offer shows it too, so this is not an upgrade fault")
		}
	}
}
