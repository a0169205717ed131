package interlocktest

import (
	"crypto/tls"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/internal/probe"
	"github.com/interlock-proxy/interlock/rules"
)

// An Option changes what [Probe] sends or what fails a test. Options apply in their order; of two that
// set the same value, the later one counts. An invalid option ends the test with a message.
type Option func(*config)

// A config is what the options of a call say.
type config struct {
	endpoint  string // path and query; empty: that of the target, or /
	protocols []string
	fields    []probe.Field // of Header
	own       []probe.Field // of the options for one header
	origins   []string      // of the service
	skips     []skip        // of probes
	ruleSkips []skip
	least     rules.Severity
	tls       *tls.Config
	faults    []string
}

// A skip leaves out the IDs that match a pattern.
type skip struct{ pattern, reason string }

// read applies options to their defaults.
func read(options []Option) (config, error) {
	c := config{least: rules.Medium}
	for _, o := range options {
		o(&c)
	}
	if len(c.faults) > 0 {
		return c, fmt.Errorf("%s", strings.Join(c.faults, "; "))
	}
	return c, nil
}

func (c *config) fault(format string, args ...any) {
	c.faults = append(c.faults, fmt.Sprintf(format, args...))
}

// Endpoint is the path of the WebSocket endpoint, with its query if it has one, such as /ws?room=1.
// The default is the path of the target if that is a URL, and / otherwise.
func Endpoint(path string) Option {
	return func(c *config) {
		if !strings.HasPrefix(path, "/") || strings.ContainsAny(path, " \t\r\n#") {
			c.fault("Endpoint(%q): it must be a path such as /ws", path)
		}
		c.endpoint = path
	}
}

// Protocol limits the probes to those for certain protocols: websocket, h2c, tls, masque (RFC 9298),
// or other. By default probes for all of them are sent, because a server should reject what it does not
// support. The server must accept a valid handshake for the first of websocket and h2c that is among
// them.
func Protocol(names ...string) Option {
	return func(c *config) {
		known := []string{"websocket", "h2c", "tls", "masque", "other"}
		for _, name := range names {
			if !slices.Contains(known, name) {
				c.fault("Protocol(%q): it must be one of %s", name, strings.Join(known, ", "))
			}
		}
		c.protocols = names
	}
}

// Origin is the value of the Origin header of the valid handshake, such as https://chat.example. It is
// one of the service: a server that accepts it accepts no foreign origin. By default none is sent unless
// the server demands one: then it is the server's own.
func Origin(origin string) Option {
	return func(c *config) {
		only("Origin", origin)(c)
		c.origins = []string{origin}
	}
}

// Subprotocol offers subprotocols in the valid handshake (Sec-WebSocket-Protocol), in order of
// preference. By default none is offered.
func Subprotocol(names ...string) Option {
	return only("Sec-WebSocket-Protocol", strings.Join(names, ", "))
}

// Header adds a header to the valid handshake, and so to every probe: for example Cookie,
// Authorization or Host. The first one of a name replaces that of the handshake; further ones follow
// it. Values of headers with credentials are blanked out where a failure shows the request.
func Header(name, value string) Option {
	return func(c *config) {
		if f, ok := c.field(name, value); ok {
			c.fields = append(c.fields, f)
		}
	}
}

// only sets a header that has one line.
func only(name, value string) Option {
	return func(c *config) {
		if f, ok := c.field(name, value); ok {
			c.own = append(slices.DeleteFunc(c.own, func(g probe.Field) bool { return g.Name == name }), f)
		}
	}
}

func (c *config) field(name, value string) (probe.Field, bool) {
	f, err := probe.ParseField(name + ": " + value)
	if err != nil || strings.ContainsAny(name, ": ") {
		c.fault("%q is not a header that can be sent: %v", name, err)
		return f, false
	}
	return f, true
}

// Skip leaves out the probes that match a pattern: an ID, or a glob such as UPGRADE-H2C-*. Their
// subtests are reported as skipped, with the reason, which must not be empty: a fault that is known,
// or why the probe does not apply to this server. Skip has no effect on [Audit].
func Skip(pattern, reason string) Option {
	return func(c *config) { c.skips = append(c.skips, c.skip("Skip", pattern, reason, probeIDs())) }
}

// SkipRule has findings of the rules that match a pattern fail no test: an ID, or a glob such as
// UPGRADE-426-*. A subtest of [Probe] that would have failed only because of them is reported as
// skipped, with the reason, which must not be empty. A failure names its rule. Use SkipRule and not
// [Skip] for a fault that answers to several probes have in common: only the first such answer is
// reported.
func SkipRule(pattern, reason string) Option {
	return func(c *config) { c.ruleSkips = append(c.ruleSkips, c.skip("SkipRule", pattern, reason, ruleIDs())) }
}

// skip checks the arguments of an option.
func (c *config) skip(option, pattern, reason string, ids []string) skip {
	s := skip{pattern, reason}
	if strings.TrimSpace(reason) == "" {
		c.fault("%s(%q): a reason is required", option, pattern)
	}
	if !slices.ContainsFunc(ids, s.matches) {
		c.fault("%s(%q): %s", option, pattern, unknown(pattern, ids))
	}
	return s
}

// MinSeverity is the mildest severity of a finding that fails a test; the default is [rules.Medium]. Only
// rules that an RFC requires (MUST) and rules that are critical for a server that switches fail a test. Other
// failures are logged, as warnings are.
func MinSeverity(least rules.Severity) Option {
	return func(c *config) { c.least = least }
}

// TLS is the configuration of TLS connections to a target given as an https URL: its roots, a client
// certificate, a server name. The protocols for ALPN in it are ignored. It is not changed. A
// *httptest.Server needs none.
func TLS(configuration *tls.Config) Option {
	return func(c *config) { c.tls = configuration }
}

// skipped returns why a probe is skipped; empty if it is not.
func (c *config) skipped(id string) string { return reasonFor(c.skips, id) }

// excused returns why findings of a rule fail no test; empty if they do.
func (c *config) excused(id string) string { return reasonFor(c.ruleSkips, id) }

func reasonFor(skips []skip, id string) string {
	if i := slices.IndexFunc(skips, func(s skip) bool { return s.matches(id) }); i >= 0 {
		return skips[i].reason
	}
	return ""
}

// matches reports whether the pattern matches an ID.
func (s skip) matches(id string) bool {
	matched, err := path.Match(strings.ToUpper(s.pattern), id)
	return matched && err == nil
}

// unknown says that no ID matches a pattern, and which ones are similar.
func unknown(pattern string, ids []string) string {
	if near := rules.Nearest(strings.ToUpper(strings.Trim(pattern, "*?")), ids); len(near) > 0 {
		return "no such ID; did you mean " + strings.Join(near, " or ") + "?"
	}
	return "no such ID"
}

func probeIDs() (ids []string) {
	for _, p := range rules.Probes() {
		ids = append(ids, p.ID)
	}
	return ids
}

func ruleIDs() (ids []string) {
	for _, r := range rules.All() {
		ids = append(ids, r.ID)
	}
	return ids
}

// chosen returns the probes that are sent, and those that are skipped with a reason.
func (c *config) chosen(base *rules.Handshake) []*rules.Probe {
	return slices.DeleteFunc(probe.Possible(rules.Probes(), 0), func(p *rules.Probe) bool {
		return p.Risk == rules.Crash || len(p.Sizes) > 0 || c.protocols != nil && !slices.Contains(c.protocols, probe.Family(p, base))
	})
}
