package rules

import (
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/wire"
)

// The probe without an Origin has an expectation of its own: programs send none.
const (
	noOriginProbe  = "UPGRADE-WS-ORIGIN-NONE"
	noOriginProbe2 = "UPGRADE-H2-ORIGIN-NONE"
)

// leavesOutOrigin reports whether the exchange is one of these probes.
func (c *Case) leavesOutOrigin() bool {
	return c.X.Probe == noOriginProbe || c.X.Probe == noOriginProbe2
}

// invented is a site that no server knows.
const invented = "evil.invalid"

// originProbes returns the probes that send an origin other than the service's own, and the one
// that sends none.
func originProbes() []Probe {
	sends := func(id, label string, origin func(s site) string) Probe {
		return Probe{
			ID: "UPGRADE-WS-ORIGIN-" + id, Class: Warn101, Label: label,
			Edit: SetTo(originField, func(h *Handshake) string { return origin(siteOf(h)) }),
		}
	}
	none := Probe{ID: noOriginProbe, Class: Either, Label: "No Origin header",
		Want: "Any valid response; 101 is a warning if rules.public_origins lists the origins", Edit: Without(originField)}
	over2 := func(id, label string, edit Edit) Probe { return foreignOrigin2(id, label, Edits(edit, Extended())) }
	none2 := over2("NONE", "No Origin header in HTTP/2", Without(originField))
	none2.Class, none2.Want, none2.Edit = Either, "Any valid response; 200 is a warning if rules.public_origins lists the origins", Edits(none2.Edit, NoField("origin"))
	return append([]Probe{none,
		none2,
		over2("EVIL", "Origin of another site in HTTP/2", SetTo(originField, func(h *Handshake) string { return siteOf(h).scheme + "://" + invented })),
		over2("NULL", "Origin: null in HTTP/2", Set(originField, "null")),
		over2("BAD", "Origin of another site without a scheme in HTTP/2", Set(originField, invented)),
	},
		// What a page of an attacker can send.
		sends("EVIL", "Origin of another site", func(s site) string { return s.scheme + "://" + invented }),
		sends("NULL", "Origin: null", func(site) string { return "null" }),
		sends("SUFFIX", "Origin: HOST.evil.invalid", func(s site) string { return s.scheme + "://" + s.host + "." + invented }),
		sends("PREFIX", "Origin: evilHOST", func(s site) string { return s.scheme + "://evil" + s.host + s.port }),
		sends("DOT", "Origin: HOST with a letter instead of a dot", func(s site) string { return s.scheme + "://" + letterForDot(s.host) + s.port }),
		// What only a page near the service can send, or one on the user's machine.
		sends("SUBDOMAIN", "Origin: a sub-domain of HOST", func(s site) string { return s.scheme + "://interlock." + s.host + s.port }),
		sends("SUPERDOMAIN", "Origin: the parent domain of HOST", func(s site) string { return s.scheme + "://" + parentOf(s.host) + s.port }),
		sends("SCHEME", "Origin: HOST with the other scheme", func(s site) string { return otherScheme(s.scheme) + "://" + s.host + s.port }),
		sends("PORT", "Origin: HOST with another port", func(s site) string { return s.scheme + "://" + s.host + otherPort(s.port) }),
		sends("TRAILDOT", "Origin: HOST with a dot at its end", func(s site) string { return s.scheme + "://" + s.host + "." + s.port }),
		sends("LOCALHOST", "Origin: http://localhost", func(s site) string { return "http://" + other(s.host, "localhost", "127.0.0.1") }),
		sends("LOOPBACK", "Origin: http://127.0.0.1", func(s site) string { return "http://" + other(s.host, "127.0.0.1", "[::1]") }),
		// What no browser sends, and a server that compares badly accepts.
		sends("CASE", "Origin of another site in upper case", func(s site) string { return strings.ToUpper(s.scheme + "://" + invented) }),
		sends("USERINFO", "Origin: HOST@evil.invalid", func(s site) string { return s.scheme + "://" + s.host + s.port + "@" + invented }),
		sends("LIST", "Origin with two values, the own one first", func(s site) string { return s.String() + ", " + s.scheme + "://" + invented }),
		sends("NO-SCHEME", "Origin of another site without a scheme", func(site) string { return invented }),
	)
}

// foreignOrigin2 is a probe in HTTP/2 with an origin other than the service's own.
func foreignOrigin2(id, label string, edit Edit) Probe {
	return Probe{ID: "UPGRADE-H2-ORIGIN-" + id, Class: Warn101, Label: label, Control: HTTP2WebSocket, Edit: edit,
		Want: "Any response except 2xx (a 2xx is a warning)"}
}

// ForeignOrigin reports whether the probe sends an origin that a page of an attacker can have. If
// it switches, the server accepts pages of all sites, or of sites that anyone can register.
func (p *Probe) ForeignOrigin() bool {
	return slices.Contains([]string{
		"UPGRADE-WS-ORIGIN-EVIL", "UPGRADE-WS-ORIGIN-NULL", "UPGRADE-WS-ORIGIN-SUFFIX", "UPGRADE-WS-ORIGIN-PREFIX", "UPGRADE-WS-ORIGIN-DOT",
		"UPGRADE-H2-ORIGIN-EVIL", "UPGRADE-H2-ORIGIN-NULL",
	}, p.ID)
}

// A site is an origin (RFC 6454 §4) in its parts.
type site struct{ scheme, host, port string } // port is empty or starts with a colon

// String returns the origin as a browser sends it.
func (s site) String() string { return s.scheme + "://" + s.host + s.port }

// siteOf returns the site of a handshake: that of its Origin, which the server accepts, or else
// that of its Host.
func siteOf(h *Handshake) site {
	scheme, authority := h.Scheme, h.Host
	if i := h.find(originField); i < len(h.Lines) {
		if s, a, ok := strings.Cut(h.Lines[i].Value, "://"); ok && (s == "http" || s == "https") {
			scheme, authority = s, a
		}
	}
	host, _ := splitPort([]byte(authority), false)
	return site{scheme, string(host), authority[len(host):]}
}

// letterForDot replaces the last dot of a host. A regular expression whose dots are not escaped
// takes the result for the host.
func letterForDot(host string) string {
	if i := strings.LastIndexByte(host, '.'); i >= 0 {
		return host[:i] + "A" + host[i+1:]
	}
	return host + "A"
}

// parentOf returns a host without its first label, or without its first letter if it has only one
// label.
func parentOf(host string) string {
	if _, parent, ok := strings.Cut(host, "."); ok {
		return parent
	}
	return host[min(1, len(host)):]
}

func otherScheme(scheme string) string { return other(scheme, "http", "https") }

func otherPort(port string) string { return other(port, ":8444", ":9555") }

// other returns the first of two values that is not the one given.
func other(than, first, second string) string {
	if first == than {
		return second
	}
	return first
}

// judgeProbedOrigin judges the answer to a probe with an origin that is not the service's own. How
// bad a 101 is depends on what a page gets with it: the credentials of its user, a program on the
// user's machine, or what everybody gets.
func judgeProbedOrigin(c *Case) Result {
	res := RefuseSwitch(c)
	if c.leavesOutOrigin() {
		return withoutOrigin(c, res)
	}
	if !c.switched {
		return res
	}
	foreign, cookies := c.probe == nil || c.probe.ForeignOrigin(), hasCookies(c)
	res = res.rated(reachOf(c))
	if !foreign {
		res.Severity--
	}
	if len(c.Options.Origins) > 0 || foreign && cookies {
		res.Verdict = Fail
	}
	return res
}

// reachOf rates what a page of another site gets with a connection.
func reachOf(c *Case) Severity {
	switch {
	case hasCookies(c):
		return Critical
	case isLoopback(c):
		return High
	}
	return Medium
}

// withoutOrigin judges the answer to a handshake without Origin. Browsers always send one, so
// accepting it lets in no page.
func withoutOrigin(c *Case, res Result) Result {
	switch a := c.answer(); {
	case c.column() == controlled && (a == answeredError || a == answeredClose):
		return res.as(Warn)
	case c.switched && len(c.Options.Origins) > 0:
		return res.as(Warn).rated(Low)
	}
	return res
}

// hasCookies reports whether clients of the endpoint send what a browser attaches by itself, a
// cookie or HTTP authentication: this one does, or an earlier one did.
func hasCookies(c *Case) bool {
	q := c.X.Request
	return q.Has("Cookie") || q.Has("Authorization") ||
		c.Seen.Cookies != nil && c.Seen.Cookies(c.X.Route, EndpointOf(c.X))
}

// isLoopback reports whether the client reached the service under a name of its own machine, as
// that of a development server.
func isLoopback(c *Case) bool {
	host, _ := splitPort(first(&c.X.Request.Head, hostField(&c.X.Request.Head)), false)
	return wire.EqualFold(host, "localhost") || wire.EqualFold(host, "[::1]") ||
		strings.HasPrefix(string(host), "127.") && strings.Trim(string(host), "0123456789.") == ""
}
