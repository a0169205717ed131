package config

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/proxy"
)

// What clients get whose TLS offers HTTP/2.
const (
	h2Refuse = "refuse"
	h2Pass   = "pass"
	h2Audit  = "audit"
)

// An h2List is the names for which clients get something else than tls.h2 says.
type h2List struct {
	key  string
	way  proxy.HTTP2
	says string // of it in a summary
	list []string
}

// h2Lists are in the order in which they are looked at.
func (c *listenTLSConfig) h2Lists() []h2List {
	return []h2List{
		{"h2_refuse", proxy.RefuseHTTP2, "HTTP/1.1 only for ", c.H2Refuse},
		{"h2_pass", proxy.PassHTTP2, "HTTP/2 passed through for ", c.H2Pass},
		{"h2_audit", proxy.AuditHTTP2, "HTTP/2 audited for ", c.H2Audit},
	}
}

// h2Default is what clients get whose name is in no list.
func (c *listenTLSConfig) h2Default() (way proxy.HTTP2, known bool) {
	switch c.H2 {
	case "", h2Refuse:
		return proxy.RefuseHTTP2, true
	case h2Pass:
		return proxy.PassHTTP2, true
	case h2Audit:
		return proxy.AuditHTTP2, true
	}
	return proxy.RefuseHTTP2, false
}

// http2 is that of the listener, by name; nil: all get HTTP/1.1.
func (c *listenTLSConfig) http2() func(sni string) proxy.HTTP2 {
	other, _ := c.h2Default()
	lists := c.h2Lists()
	for i := range lists {
		lists[i].list = Lowered(lists[i].list)
	}
	if other == proxy.RefuseHTTP2 && len(c.H2Pass)+len(c.H2Audit) == 0 {
		return nil
	}
	return func(sni string) proxy.HTTP2 {
		name := strings.ToLower(sni)
		for _, l := range lists {
			if Fits(l.list, name) {
				return l.way
			}
		}
		return other
	}
}

// auditsHTTP2 reports whether some clients may get HTTP/2 that is read.
func (c *listenTLSConfig) auditsHTTP2() bool { return c.H2 == h2Audit || len(c.H2Audit) > 0 }

// setsHTTP2 reports whether one of the keys is set.
func (c *listenTLSConfig) setsHTTP2() bool {
	return c.H2 != "" && c.H2 != h2Refuse || len(c.H2Audit)+len(c.H2Pass)+len(c.H2Refuse) > 0
}

// checkHTTP2 reports the faults of these keys.
func (c *listenTLSConfig) checkHTTP2(prefix string, fault func(key, format string, v ...any)) {
	if _, known := c.h2Default(); !known {
		fault(prefix+"tls.h2", "must be refuse, pass or audit, not %q", c.H2)
	}
	in := map[string]string{}
	for _, l := range c.h2Lists() {
		for i, glob := range l.list {
			key := fmt.Sprintf("%stls.%s[%d]", prefix, l.key, i)
			switch other := in[strings.ToLower(glob)]; {
			case glob == "" || !isGlob(glob) || strings.ContainsAny(glob, ":/ \t"):
				fault(key, "%q must be a name without scheme and port, or a glob such as *.example", glob)
			case other != "" && other != l.key:
				fault(key, "%q is in tls.%s already: a name can be in one list only", glob, other)
			}
			in[strings.ToLower(glob)] = l.key
		}
	}
}

func isGlob(text string) bool {
	_, err := path.Match(text, "")
	return err == nil
}

// about is what clients get, for a summary.
func (c *listenTLSConfig) aboutHTTP2() (text string) {
	switch c.H2 {
	case h2Pass:
		text = ", HTTP/2 passed through"
	case h2Audit:
		text = ", HTTP/2 audited"
	}
	for _, l := range c.h2Lists() {
		if len(l.list) > 0 {
			text += ", " + l.says + strings.Join(l.list, ", ")
		}
	}
	return text
}

// checkAudited reports edits of heads that HTTP/2 does not allow where it is read: a changed byte would need
// its field blocks to be written anew.
func (c *Config) checkAudited(fault func(key, format string, v ...any)) {
	if !c.auditsHTTP2() {
		return
	}
	edits := []string{}
	if c.Host != "" {
		edits = append(edits, "host")
	}
	for i := range c.Routes {
		if c.Routes[i].Host != "" {
			edits = append(edits, fmt.Sprintf("routes[%d].host", i))
		}
	}
	for _, edit := range edits {
		fault(edit, "cannot be set while tls.h2 or tls.h2_audit has HTTP/2 audited, in which no header is changed: remove one of them")
	}
}

// hasSecureBackend reports whether a backend speaks TLS.
func (c *Config) hasSecureBackend() bool {
	all := []string{c.Backend}
	for i := range c.Routes {
		all = append(all, c.Routes[i].Backend)
	}
	return slices.ContainsFunc(all, func(urls string) bool {
		_, secure, err := BackendAddresses(urls)
		return err == nil && secure
	})
}

// http2Warnings returns what makes the settings of HTTP/2 useless or harmful.
func (c *Config) http2Warnings() (all []string) {
	secure := c.hasSecureBackend()
	if c.auditsHTTP2() && !secure {
		all = append(all, textNoSecureBackend)
	}
	if c.auditsHTTP2() && secure && slices.ContainsFunc(c.Routes, func(r RouteConfig) bool { return len(r.Hosts) > 0 && len(r.SNI) == 0 }) {
		all = append(all, textRoutesByHost)
	}
	if c.passesHTTP2() && !secure {
		all = append(all, textPassToPlain)
	}
	return all
}

// passesHTTP2 reports whether the TLS of some clients goes to a backend as it is.
func (c *Config) passesHTTP2() bool {
	passes := func(t *listenTLSConfig) bool { return t.H2 == h2Pass || len(t.H2Pass) > 0 }
	return passes(&c.TLS) || slices.ContainsFunc(c.Listeners, func(l ListenerConfig) bool { return passes(&l.TLS) })
}

// auditsHTTP2 reports whether one of the listeners does.
func (c *Config) auditsHTTP2() bool {
	return c.TLS.auditsHTTP2() || slices.ContainsFunc(c.Listeners, func(l ListenerConfig) bool { return l.TLS.auditsHTTP2() })
}
