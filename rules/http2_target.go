package rules

import (
	"bytes"

	"github.com/interlock-proxy/interlock/wire"
)

var _ = register(Rule{
	ID: "UPGRADE-H2-SCHEME", Level: Must, Party: Client,
	Severity: Severities{Refused: Low, Switched: Medium}, Since: "0.1",
	Versions: HTTP2,
	Title:    "A client sends :scheme https for a wss address and http for a ws address",
	Problem: Problems{
		Switched: "Server accepted an extended CONNECT with :scheme %s %s",
		Refused:  "Client sent an extended CONNECT with :scheme %s %s",
	},
	Label: "Wrong :scheme",
	Refs: []Ref{
		{"8441", "5", ":scheme is https for WebSockets of the scheme wss, and http for those of ws"},
		{"9113", "8.3.1", ":scheme is the scheme of the address that is asked for"},
	},
	Why: `Servers and gateways derive from :scheme whether a request came over TLS: it becomes
X-Forwarded-Proto, the origin that Origin is compared with, and the decision about Secure cookies. A
client that can choose it chooses these.`,
	Fix: `Answer 400 to a scheme other than http and https, and to one that does not fit the
	connection. In a gateway, set X-Forwarded-Proto from the connection and not from :scheme.
In a client, translate wss to https and ws to http.`,
	When:  func(c *Case) bool { return extended(c) && c.X.Request.Count(":scheme") == 1 },
	Judge: func(c *Case) Result { return refuseUnless(c, schemeFault(c) == "") },
	Show: func(c *Case, _ Result) Shown {
		return seen(c.inRequest(":scheme"), requestValues(c, ":scheme"), schemeFault(c))
	},
	Probes: []Probe{
		refused2("UPGRADE-H2-SCHEME-WSS", ":scheme: wss", Field(":scheme", "wss")),
		refused2("UPGRADE-H2-SCHEME-FTP", ":scheme: ftp", Field(":scheme", "ftp")),
		soft2("UPGRADE-H2-SCHEME-OTHER", ":scheme https in plain text, or http in TLS", FieldTo(":scheme", func(h *Handshake) string {
			if h.Scheme == "https" {
				return "http"
			}
			return "https"
		})),
	},
})

// schemeFault says what is wrong with :scheme; empty if nothing is. Behind a proxy that ends TLS, https
// is right without TLS too.
func schemeFault(c *Case) string {
	scheme := first(&c.X.Request.Head, ":scheme")
	switch {
	case wire.EqualFold(scheme, "https"):
		if !c.X.ClientTLS && c.probed() {
			return "without TLS"
		}
	case !wire.EqualFold(scheme, "http"):
		return "in place of https or http"
	case c.X.ClientTLS:
		return "over TLS"
	}
	return ""
}

var _ = register(Rule{
	ID: "UPGRADE-H2-AUTHORITY", Level: Must, Party: Client,
	Severity: Severities{Refused: Low, Switched: High}, Since: "0.1",
	Versions: HTTP2,
	Title:    "A client names one host: in :authority, without user information, and in Host the same if at all",
	Problem: Problems{
		Switched: "Server accepted a request whose :authority %s",
		Refused:  "Client sent a request whose :authority %s",
	},
	Label: "Ambiguous :authority",
	Refs: []Ref{
		{"9113", "8.3.1", ":authority has no user information, and a Host header does not differ from it"},
		{"9110", "7.2", "the value is a host, optionally with a colon and a port"},
	},
	Why: `One hop goes by :authority, the next one by Host, and a third takes the part before
an @ for the host. Access rules are applied to one name, and the tunnel is opened at another.`,
	Fix: `Answer 400. In a gateway, write Host from :authority, and drop the one that came with
	the request.`,
	When:  func(c *Case) bool { return c.X.Request.Count(":authority") == 1 && !c.headCut },
	Judge: func(c *Case) Result { return refuseUnless(c, authorityFault(c) == "") },
	Show: func(c *Case, _ Result) Shown {
		return seen(c.inRequest(":authority", "Host"), authorityFault(c))
	},
	Probes: []Probe{
		refused2("UPGRADE-H2-AUTHORITY-USERINFO", "User information in :authority", FieldTo(":authority", func(h *Handshake) string { return "user@" + h.authority() })),
		refused2("UPGRADE-H2-HOST-MISMATCH", "Host that differs from :authority", FieldAlso("host", "other.invalid")),
	},
})

// authorityFault says what is wrong with :authority; empty if nothing is.
func authorityFault(c *Case) string {
	h := &c.X.Request.Head
	authority := first(h, ":authority")
	switch {
	case bytes.IndexByte(authority, '@') >= 0:
		return "has user information: " + requestValues(c, ":authority")
	case len(authority) == 0:
		return "is empty"
	case !isHost(authority):
		return "is not a host with an optional port: " + requestValues(c, ":authority")
	}
	for v := range h.Values("Host") {
		if !sameHost(authority, h.Text(v), first(h, ":scheme")) {
			return "differs from Host: " + requestValues(c, ":authority") + " and " + requestValues(c, "Host")
		}
	}
	return ""
}

// sameHost reports whether two values name the same host and port. The port of the scheme may be left out.
func sameHost(a, b, scheme []byte) bool {
	port := []byte(":80")
	if wire.EqualFold(scheme, "https") {
		port = []byte(":443")
	}
	return wire.EqualFold(bytes.TrimSuffix(a, port), string(bytes.TrimSuffix(b, port)))
}
