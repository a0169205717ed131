package ui

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/interlock-proxy/interlock/internal/store"
	"github.com/interlock-proxy/interlock/rules"
)

// A guide explains on an empty page how to point a client at the proxy.
type guide struct {
	Proxy    string    `json:"proxy"` // URL; empty: it is not known
	Backend  string    `json:"backend"`
	Commands []recipes `json:"commands"`
}

// recipes are lines that are typed in one place.
type recipes struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

// guide returns the guide for a request: a proxy that listens on all addresses is shown under the
// host name of the page.
func (u *site) guide(r *http.Request) (g guide) {
	if u.Status == nil {
		return g
	}
	s := u.Status()
	if len(s.Backends) > 0 {
		g.Backend = s.Backends[0].Address
	}
	at, err := url.Parse(s.Proxy)
	if err != nil || at.Host == "" {
		return g
	}
	if ip := net.ParseIP(at.Hostname()); ip != nil && ip.IsUnspecified() {
		name := (&url.URL{Host: r.Host}).Hostname()
		if name == "" {
			name = "127.0.0.1"
		}
		at.Host = net.JoinHostPort(name, at.Port())
	}
	g.Proxy = at.String()
	socket := strings.Replace(g.Proxy, "http", "ws", 1) + "/"
	g.Commands = []recipes{
		{"curl", "curl -i -N --http1.1 -m 5 -H 'Connection: Upgrade' -H 'Upgrade: websocket' -H 'Sec-WebSocket-Version: 13' -H 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==' " + g.Proxy + "/"},
		{"wscat", "npx wscat -c " + socket},
		{"Docker", "docker run --rm -it --network host node:lts npx -y wscat -c " + socket},
		{"browser, in the console of a page of your application", `new WebSocket("` + socket + `").onopen = () => console.log("open")`},
	}
	return g
}

// empty reports whether the store has no exchange at all.
func (u *site) empty(ctx context.Context) (bool, error) {
	s, err := u.kept()
	if err != nil {
		return false, err
	}
	empty := true
	err = s.Rulings(ctx, store.Query{Limit: 1}, func(*rules.Ruling) error {
		empty = false
		return nil
	})
	return empty, err
}
