package run

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/interlock-proxy/interlock/internal/printed"
	"github.com/interlock-proxy/interlock/internal/probe"
	"github.com/interlock-proxy/interlock/internal/terminal"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// control is a valid handshake of one protocol and its result.
type control struct {
	probe.Control
	place place
}

// failedControl returns the control because of which rejections do not count: the one for
// WebSocket, if it was not accepted. It returns nil if there is none.
func (s *site) failedControl() *control {
	if only := s.run.Flags.Protocols; s.run.Flags.SeedCompat || len(only) > 0 && !slices.Contains(only, "websocket") {
		return nil
	}
	var last *control
	for _, c := range s.was.Controls {
		switch {
		case c.Protocol != s.decisive():
		case c.Accepted:
			return nil
		default:
			last = &control{c, s.place}
		}
	}
	return last
}

// lostControl returns the WebSocket control if it was accepted before the first probe and rejected
// after the last one; otherwise nil.
func (s *site) lostControl() *control {
	for _, c := range s.was.Controls {
		if c.Protocol == s.decisive() && c.Accepted && !accepted(&c) {
			return &control{c, s.place}
		}
	}
	return nil
}

// decisive returns the protocol of the control by which rejections count.
func (s *site) decisive() string {
	if s.version == probe.HTTP2 {
		return rules.HTTP2WebSocket
	}
	return "websocket"
}

// onlyHTTP2 reports whether controls were sent, and none in HTTP/1.1.
func onlyHTTP2(all []probe.Control) bool {
	return len(all) > 0 && !slices.ContainsFunc(all, func(c probe.Control) bool { return c.Protocol == "websocket" })
}

// accepted reports whether the last result of a control was an acceptance.
func accepted(c *probe.Control) bool {
	return c.Exchange != nil && c.Exchange.Response != nil && c.Exchange.Answer() == wire.Switched && c.Flaw == ""
}

// came describes the response that was not a switch.
func (c *control) came() string {
	x, first := c.Exchange, ""
	if c.Accepted {
		first = "was accepted at first, and then "
	}
	switch {
	case c.Single:
		return "the valid handshake was accepted once and not twice"
	case x == nil:
		return "no valid handshake was sent"
	case c.Flaw != "":
		return fmt.Sprintf("the valid handshake %sgot a %d %s, which no client accepts", first, x.Response.Status, c.Flaw)
	case x.Response != nil:
		text := fmt.Sprintf("the valid handshake %sgot %d", first, x.Response.Status)
		if where, ok := x.Response.Value("Location"); ok && x.Response.Status/100 == 3 {
			text += " to " + printed.Line(rules.Redaction{}.Target(where))
		}
		return text
	}
	switch {
	case x.Outcome == wire.Local:
		return "the valid handshake did not reach it: " + string(x.Cause)
	case x.Outcome == wire.Opaque && len(x.Interim) > 0:
		return "the valid handshake got interim responses and no final one"
	case x.Outcome == wire.Opaque && !c.Begun:
		return "the response to the valid handshake is not HTTP"
	case x.Outcome == wire.Closed && x.Cause == wire.CauseServerReset:
		return "the valid handshake " + first + "got no answer: the connection was reset"
	case x.Outcome == wire.Closed:
		return "the valid handshake " + first + "got no answer: the connection was closed"
	}
	return "the valid handshake " + first + "got " + got(&c.Control)
}

// next returns the advice after a failed control.
func (c *control) next() string {
	again := "interlock probe " + c.place.String()
	if c.Single {
		return again + " --handshake-cmd CMD, where CMD prints a fresh request head, or headers, for each handshake"
	}
	if c.Exchange == nil || c.Exchange.Response == nil {
		return c.silent()
	}
	p := c.Exchange.Response
	switch p.Status {
	case 101:
		return "fix that first: interlock probe --only CTRL-WS " + c.place.String() + " shows the rules that its 101 violates"
	case 404, 410:
		origin := c.place.scheme + "://" + c.place.host
		return fmt.Sprintf("give the path of the endpoint, as in interlock probe %s/chat; interlock serve --backend %[1]s shows which one real clients use", origin)
	case 301, 302, 303, 307, 308:
		return "interlock probe " + c.moved()
	case 400, 403, 405:
		return again + " with what its clients send: --origin ORIGIN, --subprotocol NAME, -H 'Name: value'"
	case 401, 407:
		return again + " -H @FILE, where FILE has the line with the credentials; or let interlock serve record a handshake"
	case 426:
		return "it asks for " + asked(p) + ": offer what it speaks, or probe another path"
	case 429, 503:
		return again + " --concurrency 1 --rate-limit 1, when it has time again"
	}
	switch {
	case p.Status < 300:
		return "it answers plain HTTP at this path, not WebSocket: give the path of the endpoint, or -H 'Name: value' if a header is missing"
	case p.Status >= 500:
		return "look at its log: it fails on a valid handshake"
	}
	return again + " -H 'Name: value', with what its clients send"
}

// silent returns the advice after a control without a response.
func (c *control) silent() string {
	other := map[string]string{"http": "https", "https": "http"}[c.place.scheme]
	again := "interlock probe " + c.place.String() + " --timeout 10s"
	switch x := c.Exchange; {
	case x != nil && x.Outcome == wire.Silent && c.Begun:
		return again + ", or more: it has begun to answer"
	case x != nil && x.Outcome == wire.Silent:
		return again + ", or " + other + ":// if that is what it speaks"
	case x != nil && (c.Begun || len(x.Interim) > 0):
		return "look at its log: it starts a response and never ends it"
	}
	return "try " + other + "://, and see whether the port is the right one"
}

// moved returns the URL that a redirect leads to.
func (c *control) moved() string {
	where, _ := c.Exchange.Response.Value("Location")
	base, err := url.Parse(c.place.scheme + "://" + c.place.host + c.place.target)
	if err == nil {
		if u, err := base.Parse(where); err == nil && where != "" {
			return printed.Line(rules.Redaction{}.Target(u.Redacted()))
		}
	}
	return "URL, with the address that it redirects to"
}

// asked returns the versions and protocols that a 426 lists.
func asked(p *wire.Response) string {
	var words []string
	for _, m := range p.Protocols() {
		words = append(words, m.String())
	}
	for v := range p.Elements("Sec-WebSocket-Version") {
		words = append(words, "WebSocket version "+string(p.Text(v)))
	}
	if len(words) == 0 {
		return "an upgrade and does not say to what"
	}
	return printed.Line(strings.Join(words, ", "))
}

// controlLine describes the controls in one line, such as: control + websocket 101   - h2c 200 (not
// supported here).
func controlLine(c *terminal.Console, controls []probe.Control) string {
	var parts []string
	for i := range controls {
		if k := &controls[i]; k.Offers() != "" {
			parts = append(parts, controlPart(c, k))
		}
	}
	return strings.Join(parts, "   ")
}

// controlPart describes a control: its mark, the protocol, and its last result.
func controlPart(c *terminal.Console, k *probe.Control) string {
	mark, why := c.Mark("33", "!", "!"), ""
	switch {
	case k.Single:
		why = " (the first time only)"
	case k.Flaw != "":
		why = " " + k.Flaw
	case k.Accepted && !accepted(k):
		why = " (was accepted before)"
	case !k.Accepted:
		if mark = c.Mark("dim", "–", "-"); k.Exchange != nil && k.Exchange.Response != nil {
			why = " (not supported here)"
		}
	default:
		mark = c.Mark("32", "✓", "+")
	}
	text := mark + " " + k.Offers() + over(k) + " " + got(k) + why
	if k.Step != "" {
		text += " with " + printed.Line(k.Step)
	}
	return text
}

// over names the version of HTTP, if that is not HTTP/1.1.
func over(k *probe.Control) string {
	if k.Protocol == rules.HTTP2WebSocket {
		return " over HTTP/2"
	}
	return ""
}

// got describes the result of a control.
func got(k *probe.Control) string {
	x, whole, within := k.Exchange, "no answer", ""
	if k.Begun {
		whole = "no whole answer"
	}
	if k.Waited > 0 {
		within = " in " + k.Waited.String()
	}
	switch {
	case x == nil:
		return "not sent"
	case x.Response != nil:
		return strconv.Itoa(x.Response.Status)
	case x.Outcome == wire.Silent:
		return whole + within
	case x.Outcome == wire.Closed && x.Cause == wire.CauseServerReset:
		return "reset without an answer"
	case x.Outcome == wire.Closed:
		return "closed without an answer"
	case x.Outcome == wire.Opaque && !k.Begun:
		return "no HTTP"
	}
	return whole
}
