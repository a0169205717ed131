package rules

import (
	"slices"

	"github.com/interlock-proxy/interlock/wire"
	"github.com/interlock-proxy/interlock/wire/h2"
	"github.com/interlock-proxy/interlock/wire/ws"
)

// A Case is one exchange with its context. [Classify] fills in the values that its rules need; the
// functions of this package's rules are called only there.
type Case struct {
	X       *wire.Exchange // the exchange; never nil
	Options *Options       // nil: the zero value
	Seen    History
	HopOnly bool // only the rules about proxies are asked

	Endpoint string  // the template of the exchange's endpoint, if the caller knows it; see [EndpointOf]
	Memory   *Memory // what classifications share; nil: nothing

	offered        []wire.Protocol // the members of the request's Upgrade field
	chosen         []wire.Protocol // those of the response's
	connection     connectionList  // the request's Connection field
	optionSent     bool            // the request has the connection option "upgrade"
	optionReturned bool            // the response has that option
	switched       bool            // the response is a 101, or in HTTP/2 what takes its place; see wire.Switched
	leftHTTP       bool            // the server has left HTTP/1: by a 101, or without one
	headCut        bool            // the request's head is incomplete: what is missing may still have been sent
	websocket      bool            // see towards
	h2c            bool            // see towards
	extensions     *negotiation    // see negotiated; nil until a rule asks
	http2          *h2.Facts       // see http2Of; likewise
	frames         *ws.Facts       // see framesOf; nil until a rule asks
	scans          [2]frameScan    // by ws.Side; see scanFrames
	framing        uint8           // of framed13: 0 not computed, 1 no, 2 yes
	has            needs           // see facts
	probe          *Probe          // the probe, if the exchange is one
	rule           *Rule           // the rule that is being applied
	passes         passes          // the findings so far, while they are kept in short
}

// Options are the parts of the configuration that affect judging and output. The zero value is the
// default.
type Options struct {
	Protocols  []string            // private protocols that the service uses; see UPGRADE-UNKNOWN
	Auth       []string            // templates of endpoints that require credentials; * matches any bytes
	Origins    []string            // origins of the service as browsers know it, such as https://chat.example
	Off        []string            // IDs of rules that are turned off
	Severities map[string]Severity // severities that replace a rule's own, by ID; they do not change what is unsafe
	Redact     Redaction           // changes to the table of secret names
	Full       bool                // show secrets and payload: evidence.keep: full
}

// A History answers questions about earlier exchanges. The zero value knows nothing. Its functions
// are called while an exchange is judged; several goroutines may call them at the same time.
type History struct {
	Advertised func(route, endpoint, version string) bool // the endpoint has advertised this WebSocket version
	Switches   func(route, endpoint string) bool          // the endpoint has switched before
	KeySeen    func(key, connection string) bool          // the key was seen on another connection
	Crossed    func(route, endpoint string) bool          // the endpoint has accepted a probe with the origin of another site
	Carries    func(route, endpoint string) bool          // the endpoint has switched for a client with credentials
	Cookies    func(route, endpoint string) bool          // the endpoint has switched for a client with what browsers attach by themselves: Cookie or Authorization
	First      func(rule string) bool                     // no earlier probe of the run reported this rule
}

// read computes what most rules need.
func (c *Case) read() {
	if c.Options == nil {
		c.Options = &Options{}
	}
	q, p := c.X.Request, c.X.Response
	c.offered, c.connection = q.Protocols(), readConnection(&q.Head)
	c.optionSent = c.connection.upgrade
	_, unfinished := q.Flaw(wire.FlawHeadUnfinished)
	_, long := q.Flaw(wire.FlawHeadTooLong)
	c.headCut = unfinished || long || !c.keeps(lostRequest)
	switch {
	case p == nil:
	case q.HTTP2():
		if c.switched = c.X.Outcome == wire.Switched && !servesDocument(c); c.switched && p.Status != 101 {
			c.chosen = c.offered
		}
	default:
		c.chosen, c.optionReturned, c.switched = p.Protocols(), p.HasOption("upgrade"), p.Status == 101
	}
	if c.probed() && !c.onlyClient() && c.X.Probe != "" {
		c.probe = FindProbe(c.X.Probe)
	}
	c.websocket, c.h2c = c.towards("websocket"), c.towards("h2c")
	c.leftHTTP = c.switched || beganH2Directly(c)
	c.has = c.facts()
}

// towards reports whether the exchange is a handshake for that protocol: the request offers it, and
// the server did not choose another protocol that the request offers.
func (c *Case) towards(name string) bool {
	if !hasProtocol(c.offered, name) {
		return false
	}
	if !c.switched || hasProtocol(c.chosen, name) {
		return true
	}
	return !slices.ContainsFunc(c.chosen, func(m wire.Protocol) bool { return hasProtocol(c.offered, m.Name) })
}

// hasProtocol reports whether one of the members has that name.
func hasProtocol(members []wire.Protocol, name string) bool {
	for i := range members {
		if members[i].Is(name) {
			return true
		}
	}
	return false
}

// status returns the status of the response, or 0 without one.
func (c *Case) status() int {
	if c.X.Response == nil {
		return 0
	}
	return c.X.Response.Status
}

// probed reports whether Interlock itself is the client.
func (c *Case) probed() bool { return c.X.Origin == wire.OriginProbe || c.X.Origin == wire.OriginChain }

// twin returns the exchange of the probe's twin of that name; nil if it was not sent.
func (c *Case) twin(name string) *wire.Exchange {
	for _, t := range c.X.Twins {
		if t.Name == name {
			return t.X
		}
	}
	return nil
}

// forwarded reports whether the request says that it came through an intermediary.
func (c *Case) forwarded() bool {
	q := &c.X.Request.Head
	for _, f := range q.Fields {
		name := q.Text(f.Name)
		if wire.EqualFold(name, "Via") || wire.EqualFold(name, "Forwarded") ||
			len(name) > len("X-Forwarded-") && wire.EqualFold(name[:len("X-Forwarded-")], "X-Forwarded-") {
			return true
		}
	}
	return false
}

// asks reports whether the request is about an upgrade: it has one of the headers of an offer, or
// the server switched. General rules about requests apply here, and not where a response merely
// advertises something.
func (c *Case) asks() bool {
	q := c.X.Request
	return len(q.Raw) > 0 &&
		(c.switched || q.Has("Upgrade") || q.Has(keyField) || q.Has(versionField) || q.Has("HTTP2-Settings"))
}

// flawed reports whether the head of such a request has that flaw.
func (c *Case) flawed(kind wire.FlawKind) bool {
	if len(c.X.Request.Flaws) == 0 {
		return false
	}
	_, ok := c.X.Request.Flaw(kind)
	return ok && c.asks()
}

// keeps reports whether the exchange has that part: always, unless it was read from a file that
// does not contain it.
func (c *Case) keeps(part string) bool { return !slices.Contains(c.X.Lossy, part) }

// brings reports whether the exchange is a probe of that rule.
func (c *Case) brings(rule string) bool { return c.probe != nil && c.probe.rule.ID == rule }

// inRequest returns the spans of the request's header lines with one of the names.
func (c *Case) inRequest(names ...string) []Span {
	return fieldSpans(InRequest, &c.X.Request.Head, names...)
}

// inResponse returns the spans of the response's status line and of its header lines with one of
// the names.
func (c *Case) inResponse(names ...string) []Span {
	p := c.X.Response
	at := []Span{{InResponse, p.Start.From, p.Start.To}}
	return append(at, fieldSpans(InResponse, &p.Head, names...)...)
}
