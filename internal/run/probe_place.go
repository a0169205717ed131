package run

import (
	"net"
	"net/url"
	"strconv"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/interlock-proxy/interlock/internal/exit"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// A place is an endpoint given by a URL.
type place struct {
	scheme string // http or https
	host   string // the value of Host, without the port if that is the scheme's default
	name   string // the host without a port
	port   string
	target string // path and query
	prior  bool   // the URL has the scheme h2c: HTTP/2 without TLS, by prior knowledge
}

// parsePlace parses the URL of an endpoint. Its errors are usage errors and show no secrets.
func parsePlace(text string) (place, error) {
	bare, _, _ := strings.Cut(text, "?") // the part without secrets
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok {
		scheme, rest = "", text
	}
	if authority, _, _ := strings.Cut(rest, "/"); strings.Contains(authority, "@") {
		return place{}, exit.Usage("the URL has credentials, which process lists and logs show: give them as -H 'Name: value' or -H @FILE")
	}
	p := place{
		scheme: map[string]string{"http": "http", "ws": "http", "h2c": "http", "https": "https", "wss": "https"}[strings.ToLower(scheme)],
		prior:  wire.EqualFold(scheme, "h2c"),
	}
	u, err := url.Parse(text)
	switch {
	case !ok:
		return place{}, exit.Usage("%q has no scheme: write http://%s, or https if it uses TLS", bare, strings.TrimLeft(bare, "/"))
	case p.scheme == "":
		return place{}, exit.Usage("%q: the scheme must be http or https, or h2c for HTTP/2 in plain text; ws and wss mean http and https", bare)
	case err != nil || u.Hostname() == "":
		return place{}, exit.Usage("%q must be a URL such as http://127.0.0.1:3000/chat", bare)
	case u.Fragment != "":
		return place{}, exit.Usage("%q: the part after # is never sent; leave it out, or write # as %%23", bare)
	}
	own := map[string]string{"http": "80", "https": "443"}[p.scheme]
	if p.port = u.Port(); p.port == "" {
		p.port = own
	}
	if n, err := strconv.ParseUint(p.port, 10, 16); err != nil || n == 0 {
		return place{}, exit.Usage("%q: the port must be a number from 1 to 65535, not %q", bare, p.port)
	}
	if p.host, err = httpguts.PunycodeHostPort(u.Host); err != nil {
		return place{}, exit.Usage("%q: the host cannot be written in ASCII: %v", bare, err)
	}
	if p.name = u.Hostname(); !strings.Contains(p.name, ":") {
		p.name, _, _ = strings.Cut(p.host, ":")
	}
	if p.port == own {
		p.host = strings.TrimSuffix(strings.TrimSuffix(p.host, own), ":")
	}
	p.target = u.RequestURI()
	return p, nil
}

// String returns the place without secrets.
func (p place) String() string {
	scheme := p.scheme
	if p.prior {
		scheme = "h2c"
	}
	return scheme + "://" + p.host + rules.Redaction{}.Target(p.target)
}

// address is an IP address with the port of the place.
func (p place) address(ip string) string { return net.JoinHostPort(ip, p.port) }
