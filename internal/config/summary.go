package config

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/interlock-proxy/interlock/internal/printed"
)

// A Line is one line of the summary.
type Line struct{ What, Text string }

// Summary describes a configuration: listeners, routes, store, guard, and accepted findings.
func (c *Config) Summary(now time.Time) []Line {
	var all []Line
	say := func(what, format string, v ...any) { all = append(all, Line{what, fmt.Sprintf(format, v...)}) }
	say("listen", "%s", c.FirstListener().about())
	for i := range c.Listeners {
		say("listen", "%s", c.Listeners[i].about())
	}
	say("forward", "%s", c.Forward.about())
	say("admin", "%s", c.adminAbout())
	for i := range c.Routes {
		r := &c.Routes[i]
		say("route", "%s: %s -> %s", r.Name, r.about(), backendSummary(r.Backend, r.Host, r.Guard, r.Dial, r.Frames, &r.BackendTLS))
	}
	rest := "all requests"
	if len(c.Routes) > 0 {
		rest = "all others"
	}
	if c.Unrouted == UnroutedRefuse && len(c.Routes) > 0 {
		say("route", "default: all others get a 421")
	} else {
		say("route", "default: %s -> %s", rest, backendSummary(c.Backend, c.Host, c.Guard, c.Dial, c.Frames, &c.BackendTLS))
	}
	say("store", "%s", c.storeAbout())
	say("rules", "%s", c.Rules.about())
	expired := 0
	for i := range c.Accepted {
		if c.Accepted[i].Expired(now) {
			expired++
		}
	}
	say("findings", "%d accepted (%d expired), %d baselines, %d endpoints expected", len(c.Accepted), expired, len(c.Baseline), len(c.Expected))
	say("traces", "%s", c.Otel.about(traces()))
	if c.Otel.Rulings != rulingsOff {
		say("rulings", "%s: %s", c.Otel.Rulings, c.Otel.about(rulings()))
	}
	say("hash", "%s", ShortHash(c.Hash()))
	for _, warning := range c.Warnings() {
		say("warning", "%s", warning)
	}
	return all
}

func (c *ListenerConfig) about() string {
	text := c.Listen + ", plain text"
	if n := len(c.TLS.Certificates); n > 0 {
		text = fmt.Sprintf("%s, TLS with %s", c.Listen, printed.Count(n, "certificate"))
		if c.TLS.Client == clientOptional || c.TLS.Client == clientRequired {
			text += ", client certificate " + c.TLS.Client
		}
		text += c.TLS.aboutHTTP2()
	}
	if len(c.ProxyFrom) > 0 {
		text += ", PROXY protocol from " + strings.Join(c.ProxyFrom, ", ")
	}
	return text
}

func (c *ForwardConfig) about() string {
	if c.Listen == "" {
		return "off"
	}
	text := fmt.Sprintf("%s, to %s", c.Listen, strings.Join(c.Hosts, ", "))
	if c.CA != "" {
		text += ", audits inside TLS"
	} else {
		text += ", passes TLS through"
	}
	if len(c.Users) > 0 || c.UsersFile != "" {
		return text + ", asks for a password"
	}
	return text + ", no password"
}

func (c *Config) adminAbout() string {
	text := c.Admin.Listen + ", plain text"
	if c.Admin.Scheme() == "https" {
		text = c.Admin.Listen + ", TLS"
	}
	if c.AdminToken != "" {
		text += ", token from " + c.AdminToken
	} else {
		text += ", no token"
	}
	if c.Admin.Open != "" {
		text += "; health and metrics also at " + c.Admin.Open
	}
	return text
}

// about describes which connections a route matches.
func (r *RouteConfig) about() string {
	var parts []string
	for _, each := range []struct {
		name  string
		words []string
	}{{"Host", r.Hosts}, {"SNI", r.SNI}} {
		if len(each.words) > 0 {
			parts = append(parts, each.name+" "+strings.Join(each.words, ", "))
		}
	}
	if r.Listen != "" {
		parts = append(parts, "listener "+r.Listen)
	}
	return strings.Join(parts, " and ")
}

// backendSummary describes how a backend is reached.
func backendSummary(backend, host, guard, dial, frames string, t *BackendTLSConfig) string {
	text := backend + ", guard " + guard
	if host != "" {
		text += ", Host set to " + host
	}
	if dial == DialEager {
		text += ", connects at once"
	}
	switch frames {
	case FramesOff:
		text += ", frames not read"
	case FramesMessages:
		text += ", messages kept"
	}
	if t.Cert != "" {
		text += ", with a client certificate"
	}
	return text
}

func (c *Config) storeAbout() string {
	name := c.Store
	switch {
	case name == "memory":
		name = "memory, until the end"
	case name == "":
		dir, _ := stateName() // without a home directory, opening the store reports that
		name = filepath.Join(dir, "interlock.db") + " (SQLite)"
	case strings.Contains(name, "://"):
		name = Setting{Value: name}.Shown()
	default:
		name += " (SQLite)"
	}
	if c.Evidence.Keep == KeepNone {
		return name + "; findings only"
	}
	age, bytes := "30d", "1GiB"
	if c.Retention.Age.Duration != 0 {
		age = c.Retention.Age.String()
	}
	if c.Store == "memory" {
		bytes = "64MiB"
	}
	if c.Retention.Bytes != 0 {
		bytes = c.Retention.Bytes.String()
	}
	return fmt.Sprintf("%s; exchanges for %s, up to %s; evidence %s", name, age, bytes, c.Evidence.Keep)
}

func (c *rulesConfig) about() string {
	text := "profile " + c.Profile
	if c.AsOf != "" {
		text += ", as of release " + c.AsOf
	}
	return fmt.Sprintf("%s, %d off, %s changed", text, len(c.Off), plural(len(c.Severity), "severity", "severities"))
}

func (c *otelConfig) about(s signal) string {
	switch address, variable := c.endpoint(s); {
	case address == "":
		return "off"
	case variable != "":
		return "sent to the collector in " + variable
	default:
		return "sent to " + address
	}
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
