package report

import (
	"net"
	"strings"

	"github.com/interlock-proxy/interlock/internal/printed"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// probeCommand is the command that sends the probe of a ruling again. Head is the redacted one of its request.
func probeCommand(r *rules.Ruling, to *place, head []byte) string {
	if rules.FindProbe(r.X.Probe) == nil || r.X.Origin != wire.OriginProbe || to.path != "" {
		return ""
	}
	path := rules.Redaction{}.Target(r.X.Aim)
	if path == "" {
		path = r.Endpoint
	}
	scheme, own := "http", "80"
	if to.tls {
		scheme, own = "https", "443"
	}
	url, hostHeader := to.url(scheme, own)
	options := ""
	if hostHeader != "" {
		options = " -H " + word("Host: "+hostHeader)
	}
	switch q := rules.FindProbe(r.X.Probe); {
	case q.Versions:
		options += " --http both"
	case q.HTTP2():
		options += " --http 2"
	}
	options += placeholders(r, head) + tlsFlags(r.X)
	return "interlock probe " + word(printed.ASCII(url+path)) + options + " --only " + r.X.Probe
}

// chainCommand is the command that sends a probe of chain again.
func chainCommand(r *rules.Ruling, to *place, headers []string) string {
	scheme, own := "http", "80"
	if to.tls {
		scheme, own = "https", "443"
	}
	url, hostHeader := to.url(scheme, own)
	options := ""
	if hostHeader != "" {
		options = " --host " + word(hostHeader)
	}
	if r.X.Request.HTTP2() {
		options += " --http 2"
	}
	for _, name := range headers {
		options += " -H " + word(name+": ***")
	}
	options += tlsFlags(r.X)
	via := url + r.Endpoint
	if r.X.Route != "" && !strings.Contains(r.X.Route, ":") && "http://"+r.X.Route != url && "https://"+r.X.Route != url {
		via = r.X.Route + "=" + via
	}
	if r.X.Hop != nil && r.X.Hop.Far != nil && r.X.Hop.Far.Backend != "" {
		options += " --listen " + word(printed.ASCII(r.X.Hop.Far.Backend))
	}
	return "interlock chain --via " + word(printed.ASCII(via)) + options + " --only " + word(printed.ASCII(r.X.Probe))
}

// replayCommand is the command that sends a stored request again.
func replayCommand(id string) string { return "interlock replay " + printed.Escaped(id, 64) }

// tlsFlags are the flags about TLS that a command had, to be given again.
func tlsFlags(x *wire.Exchange) (options string) {
	for _, flag := range x.TLSFlags {
		options += " " + word(printed.ASCII(flag))
	}
	return options
}

// url is the beginning of a URL of the place, and the value of Host where that is another one.
func (to *place) url(scheme, own string) (url, hostHeader string) {
	host := net.JoinHostPort(to.host, to.port)
	if to.port == own {
		host = strings.TrimSuffix(host, ":"+own)
	}
	if _, port := cutPort(to.hostHeader, to.tls); to.hostHeader != "" && port == to.port {
		host = to.hostHeader
	} else {
		hostHeader = to.hostHeader
	}
	return scheme + "://" + host, hostHeader
}
