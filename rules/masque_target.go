package rules

import (
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

var _ = register(Rule{
	ID: "UPGRADE-UDP-TARGET", Level: Must, Party: Client,
	Severity: Severities{Refused: Medium, Switched: High}, Since: "0.1",
	Title: "A server rejects a request for UDP or IP proxying whose path names no valid target",
	Problem: Problems{
		Switched: "Server accepted an offer of %s for an invalid target: %s (path %s)",
		Refused:  "Client sent an offer of %s for an invalid target: %s (path %s)",
	},
	Label: "Invalid proxying target accepted",
	Refs: []Ref{
		{"9298", "2", "the default path is /.well-known/masque/udp/HOST/PORT/"},
		{"9298", "3", "the host is a name or an address without a zone, with %3A for each colon, the port is a number from 1 to 65535, and neither is empty"},
		{"9484", "3", "the default path is /.well-known/masque/ip/TARGET/PROTOCOL/"},
		{"9484", "4.1", "a proxy checks the decoded target and protocol, and treats a request with invalid ones as malformed"},
		{"9484", "4.6", "the target is a name, an address, a prefix with zero bits after its length, or *; the protocol is a number from 0 to 255, or *"},
	},
	Why: `The path says where the tunnel leads. A proxy that accepts port 0, a zone such as
fe80::1%eth0, or a path with segments too many has parsed it differently from the filter in front
that allows or blocks by address, so the tunnel reaches what the filter does not let through, down
to the proxy's own network.`,
	Fix: `Split the path first and decode each segment once; answer 400 to anything but a host
	and a port from 1 to 65535, or a target and a protocol from 0 to 255. Check the address after
	decoding, and before you open a socket.
In a client, expand the URI template with a library, so that colons and slashes are encoded.`,
	When: func(c *Case) bool {
		_, _, known := masqueTarget(c)
		return known && !c.headCut
	},
	Judge: func(c *Case) Result {
		if _, fault, _ := masqueTarget(c); fault == "" {
			return c.result(Pass)
		}
		return RefuseSwitch(c)
	},
	Show: func(c *Case, _ Result) Shown {
		path, fault, _ := masqueTarget(c)
		return seen(append(connectSpans(c), c.inRequest("Upgrade")...), members(c.offered), fault, quote(c.Options.shown(path)))
	},
	Probes: []Probe{
		{ID: "UPGRADE-UDP-PORT-0", Control: "masque", Label: "connect-udp to port 0", Edit: Edits(offerUDP, Target(Always(masquePrefix+"udp/192.0.2.6/0/")))},
		{ID: "UPGRADE-UDP-PORT-BIG", Control: "masque", Label: "connect-udp to port 65536", Edit: Edits(offerUDP, Target(Always(masquePrefix+"udp/192.0.2.6/65536/")))},
		{ID: "UPGRADE-UDP-HOST-BAD", Control: "masque", Label: "connect-udp to an address with a zone", Edit: Edits(offerUDP, Target(Always(masquePrefix+"udp/fe80%3A%3A1%25eth0/443/")))},
	},
})

// masquePrefix is how the default path of UDP and IP proxying begins. Other templates can be
// configured, and what they mean is not known here.
const masquePrefix = "/.well-known/masque/"

// masqueTarget returns the path of a request for UDP or IP proxying, and what is wrong with the
// target that it names. known is false for other requests, and for paths of another template.
func masqueTarget(c *Case) (path, fault string, known bool) {
	path = c.X.Request.Target
	if i := strings.Index(path, "://"); i > 0 && path[0] != '/' {
		_, rest, _ := strings.Cut(path[i+3:], "/")
		path = "/" + rest
	}
	rest, ok := strings.CutPrefix(path, masquePrefix)
	if !ok {
		return path, "", false
	}
	switch kind, rest, _ := strings.Cut(rest, "/"); {
	case kind == "udp" && c.towards("connect-udp"):
		return path, twoSegments(rest, udpFault), true
	case kind == "ip" && c.towards("connect-ip"):
		return path, twoSegments(rest, ipFault), true
	}
	return path, "", false
}

// twoSegments returns what is wrong with the end of a path that must consist of two segments with a
// slash after each.
func twoSegments(rest string, fault func(first, second string) string) string {
	segments := strings.Split(rest, "/")
	if len(segments) != 3 || segments[2] != "" {
		return "not two segments with a slash after each"
	}
	if strings.Contains(segments[0], ":") {
		return "colon that is not percent-encoded"
	}
	first, err := url.PathUnescape(segments[0])
	second, err2 := url.PathUnescape(segments[1])
	if err != nil || err2 != nil {
		return "invalid percent-encoding"
	}
	return fault(first, second)
}

func udpFault(host, port string) string {
	if fault := hostFault(host); fault != "" {
		return fault
	}
	if n, ok := decimal(port); !ok || n < 1 || n > 65535 {
		return "port " + quote(port)
	}
	return ""
}

func ipFault(target, protocol string) string {
	if address, _, prefix := strings.Cut(target, "/"); prefix {
		p, err := netip.ParsePrefix(target)
		if err != nil || p.Masked() != p {
			return "prefix " + quote(target)
		}
		target = address
	}
	if target != "*" {
		if fault := hostFault(target); fault != "" {
			return fault
		}
	}
	if n, ok := decimal(protocol); protocol != "*" && (!ok || n > 255) {
		return "protocol " + quote(protocol)
	}
	return ""
}

// hostFault returns what is wrong with a decoded host: a name, an IPv4 or IPv6 address without
// brackets and without a zone.
func hostFault(host string) string {
	if strings.Contains(host, ":") {
		if a, err := netip.ParseAddr(host); err != nil || a.Zone() != "" {
			return "address " + quote(host)
		}
		return ""
	}
	for i := range len(host) {
		if !isHostByte(host[i]) || host[i] == '%' {
			return "host " + quote(host)
		}
	}
	if host == "" {
		return "empty host"
	}
	return ""
}

// decimal reads digits and nothing else.
func decimal(s string) (n int, ok bool) {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
	}
	n, err := strconv.Atoi(s)
	return n, err == nil
}
