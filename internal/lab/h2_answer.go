package lab

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/http2"
)

// begin answers the request that begins a stream, or waits for the end of its content.
func (c *h2Conn) begin(id uint32, head *h2Head) {
	m := &c.manner
	s := &h2Stream{id: id, length: head.length(), heEnded: c.blockEnds, sendWindow: c.initialWindow}
	if head.tooMuch {
		c.streams[id] = s
		c.reply(s, nil, &reply{status: http.StatusRequestHeaderFieldsTooLarge, text: "head too large\n"})
		return
	}
	head.judge()
	if host, path := head.url(); m.fetches && host != "" {
		c.streams[id] = s
		c.dial(s, host, path)
		return
	}
	tunnel := m.tunnels(head)
	if s.heEnded && s.length > 0 && !tunnel {
		head.flaws |= flawSyntax
	}
	offer := head.get("upgrade")
	if taken := m.upgrades && offer == "websocket" || m.upgradesH2C && offer == "h2c"; taken && head.pseudo[":method"] == http.MethodGet {
		head.flaws &^= flawHop
	}
	switch {
	case head.flaws&malformedH2&^m.overlooks != 0:
		c.malformed(id)
		return
	case len(c.streams) >= h2Streams:
		c.reset(id, http2.ErrCodeRefusedStream)
		return
	}
	c.streams[id] = s
	if head.pseudo[":method"] == http.MethodConnect && !tunnel && m.connects {
		c.dial(s, head.pseudo[":authority"], "")
		return
	}
	if head.pseudo[":method"] == http.MethodConnect && !tunnel {
		c.reply(s, nil, refusal(http.StatusMethodNotAllowed, "a CONNECT without :protocol"))
		return
	}
	far := &h2Far{} // GET /seen is not seen
	if head.pseudo[":path"] != h2Seen {
		far = c.far
	}
	r, _ := far.read(c.inHTTP1(head, tunnel))
	switch {
	case r == nil:
		c.reply(s, nil, &reply{status: http.StatusBadRequest, text: "malformed\n"})
	case tunnel:
		c.connect(s, head, r)
	case m.upgrades && hasOffer(r):
		c.upgrade(s, r)
	case m.upgradesH2C && mayBeH2C(r):
		c.upgradeH2C(s)
	default:
		if s.request = r; s.heEnded {
			c.respond(s)
		}
	}
}

// malformed answers a malformed request (RFC 9113 §8.1.1).
func (c *h2Conn) malformed(id uint32) {
	switch {
	case c.manner.flawsKill:
		c.abort(http2.ErrCodeProtocol)
	case c.manner.flawsHang:
		c.forget(id, h2EndedByReset)
	default:
		c.reset(id, http2.ErrCodeProtocol)
	}
}

// tunnels reports whether a request is taken for one that asks for a tunnel.
func (m *h2Manner) tunnels(head *h2Head) bool {
	_, extended := head.pseudo[":protocol"]
	connect := head.pseudo[":method"] == http.MethodConnect
	return extended && (connect || m.overlooks&flawMethod != 0) || connect && m.overlooks&flawPlain != 0
}

// respond answers a request that asks for no tunnel.
func (c *h2Conn) respond(s *h2Stream) {
	r := s.request
	s.request = nil
	switch {
	case r.URL.Path == h2Guarded && !loggedIn(r) && !c.manner.open:
		c.reply(s, r, loginFirst())
	case r.URL.Path == h2Guarded:
		c.reply(s, r, adminPage())
	case r.URL.Path == h2Path:
		c.reply(s, r, refusal(http.StatusUpgradeRequired, "the method is %q, not CONNECT", r.Method))
	case r.URL.Path == h2Seen:
		c.reply(s, r, &reply{status: http.StatusOK, text: c.far.list()})
	default:
		c.reply(s, r, page(r))
	}
}

// connect opens a tunnel, or rejects it.
func (c *h2Conn) connect(s *h2Stream, head *h2Head, r *http.Request) {
	m := &c.manner
	if s.heEnded {
		head.flaws |= flawEnd
	}
	if s.length >= 0 {
		head.flaws |= flawContent
	}
	if no := c.refuseTunnel(head, r); no != nil {
		if m.refusesStream {
			c.reset(s.id, http2.ErrCodeRefusedStream)
			return
		}
		if m.early && !s.heEnded {
			s.early = []byte{}
		}
		c.reply(s, r, no)
		return
	}
	if authority := head.pseudo[":authority"]; m.dials && authority != c.own && isLoopback(authority) {
		c.dial(s, authority, head.pseudo[":path"])
		return
	}
	if m.page {
		c.reply(s, r, &reply{http.StatusOK, http.Header{"Content-Type": {"text/html"}}, "<!doctype html><title>Station</title>\n"})
		return
	}
	var fields [][2]string
	if offered := r.Header.Values("Sec-WebSocket-Protocol"); m.echoes && len(offered) > 0 {
		fields = append(fields, [2]string{"sec-websocket-protocol", strings.Join(offered, ", ")})
	}
	if offered := r.Header.Values("Sec-WebSocket-Extensions"); m.extends && len(offered) > 0 {
		fields = append(fields, [2]string{"sec-websocket-extensions", strings.Join(offered, ", ")})
	}
	if m.accepts {
		fields = append(fields, [2]string{"sec-websocket-accept", acceptFor(h2Key)})
	}
	c.answer(s, max(m.status, http.StatusOK), fields, false)
	c.open(s, r)
}

// refuseTunnel returns the reply to a tunnel that must not be opened, or nil.
func (c *h2Conn) refuseTunnel(head *h2Head, r *http.Request) *reply {
	flaws := head.flaws &^ c.manner.overlooks
	refuses := func(f h2Flaw) bool { return flaws&f != 0 }
	bad := func(text string) *reply { return &reply{status: http.StatusBadRequest, text: text + "\n"} }
	protocol := r.Header.Get("Upgrade")
	if c.manner.firstProtocol {
		protocol, _, _ = strings.Cut(protocol, ",")
	}
	switch {
	case r.URL.Path == h2Guarded && !loggedIn(r) && c.manner.overlooks&flawLogin == 0:
		return loginFirst()
	case !slices.Contains([]string{h2Path, h2Guarded}, r.URL.Path):
		return &reply{status: http.StatusNotFound, text: "not found\n"}
	case protocol != "websocket" && c.manner.overlooks&flawProtocol == 0 && (protocol != "h2c" || !c.manner.tunnelsH2C):
		return &reply{status: max(c.manner.unknown, http.StatusNotImplemented), text: "the protocol is not websocket\n"}
	case refuses(flawScheme):
		return bad("the scheme is not http")
	case refuses(flawAuthority):
		return bad("the authority has user information, or differs from Host")
	case refuses(flawEnd):
		return bad("the stream has ended")
	case refuses(flawContent):
		return bad("a CONNECT has no content")
	case c.manner.wantsKey && !head.has("sec-websocket-key"):
		return bad("no Sec-WebSocket-Key")
	}
	if origins := r.Header["Origin"]; c.manner.firstOrigin && len(origins) > 1 {
		r.Header["Origin"] = origins[:1]
	}
	no := refuse(r, c.manner.leftOut|checkUpgrade|checkProtocol)
	if no != nil && no.status == http.StatusUpgradeRequired && !c.manner.hopFields {
		no.status = http.StatusBadRequest
	}
	return no
}

func loginFirst() *reply {
	return &reply{http.StatusUnauthorized, http.Header{"Www-Authenticate": {`Basic realm="lab"`}}, "log in first\n"}
}

// reply sends a complete response. It leaves out the headers that belong to a connection, which
// HTTP/2 forbids in responses too (RFC 9113 §8.2.2). r may be nil.
func (c *h2Conn) reply(s *h2Stream, r *http.Request, p *reply) {
	fields := [][2]string{{"content-length", strconv.Itoa(len(p.text))}}
	if p.fields["Content-Type"] == nil {
		fields = append(fields, [2]string{"content-type", "text/plain; charset=utf-8"})
	}
	for _, name := range slices.Sorted(maps.Keys(p.fields)) {
		if hop := name == "Upgrade" || name == "Connection"; !hop || c.manner.hopFields {
			fields = append(fields, [2]string{lower(name), strings.Join(p.fields[name], ", ")})
		}
	}
	if r != nil && r.Header.Get("X-Il") != "" {
		fields = append(fields, [2]string{"x-il", r.Header.Get("X-Il")})
	}
	bare := p.text == "" || r != nil && r.Method == http.MethodHead
	c.answer(s, p.status, fields, bare)
	if bare {
		c.settle(s)
	} else {
		c.send(s, []byte(p.text), true)
	}
}
