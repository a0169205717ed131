package probe

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// A renewal opens a new session at an endpoint of socket.io, SignalR or SockJS. Their handshakes
// name a session that the server forgets when the client that opened it disconnects.
type renewal struct {
	step  string     // what the handshake has that the base lacks
	edit  rules.Edit // nil: see fetch
	fetch *fetch     // nil: nothing is asked for
}

// A fetch is a request for a new session, as the client library makes it.
type fetch struct {
	method, target string
	token          *regexp.Regexp            // of the response body: the name of the session
	in             func(token string) string // the target of the handshake in that session
}

// named is the value of one of these members in a JSON document.
func named(members string) *regexp.Regexp {
	return regexp.MustCompile(`"(?:` + members + `)"\s*:\s*"([^"\\]+)"`)
}

// sockJS is the path of a SockJS session: server, session, transport.
func sockJS() *regexp.Regexp { return regexp.MustCompile(`^(.*)/[^/.]+/[^/.]+/websocket$`) }

// renewals are the ways to connect anew to the endpoint of a base, in the order in which they are
// tried; none where its target names no session.
func renewals(base *rules.Handshake) (all []renewal) {
	path, query, _ := strings.Cut(base.Path, "?")
	switch {
	case parameter(query, "sid") && parameter(query, "EIO"):
		bare := without(query, "sid")
		polling := with(without(bare, "transport"), "transport=polling")
		return []renewal{
			{step: "a fresh socket.io session (no sid)", edit: target(path, bare)},
			{step: "a fresh socket.io session (sid from a polling request)", fetch: &fetch{
				"GET", path + "?" + polling, named("sid"), func(sid string) string { return join(path, with(bare, "sid="+sid)) },
			}},
		}
	case parameter(query, "connectionToken"):
		bare := without(without(query, "connectionToken"), "transport")
		parent := path[:strings.LastIndexByte(path, '/')+1]
		return []renewal{{step: "a fresh SignalR connection (connectionToken from a negotiate request)", fetch: &fetch{
			"GET", join(parent+"negotiate", bare), named("ConnectionToken|connectionToken"), func(token string) string {
				return join(path, with(without(query, "connectionToken"), "connectionToken="+url.QueryEscape(token)))
			},
		}}}
	case parameter(query, "id"):
		bare := without(query, "id")
		in := func(token string) string { return join(path, with(bare, "id="+url.QueryEscape(token))) }
		negotiate := join(strings.TrimRight(path, "/")+"/negotiate", with(bare, "negotiateVersion=1"))
		return []renewal{
			{step: "a fresh connection (no id)", edit: target(path, bare)},
			{step: "a fresh SignalR connection (id from a negotiate request)", fetch: &fetch{"POST", negotiate, named("connectionToken"), in}},
			{step: "a fresh SignalR connection (id from a negotiate request)", fetch: &fetch{"POST", negotiate, named("connectionId"), in}},
		}
	}
	if m := sockJS().FindStringSubmatch(path); m != nil {
		return []renewal{{step: "a fresh SockJS session", edit: func(h *rules.Handshake) {
			target(m[1]+"/"+fmt.Sprintf("%03d", int(rand.Text()[0]))+"/"+strings.ToLower(rand.Text()[:8])+"/websocket", query)(h)
		}}}
	}
	return nil
}

// target sends the handshake to another path and query.
func target(path, query string) rules.Edit {
	return func(h *rules.Handshake) { h.Path, h.Target = join(path, query), join(path, query) }
}

func join(path, query string) string {
	if query == "" {
		return path
	}
	return path + "?" + query
}

// parameter reports whether a query has that parameter.
func parameter(query, name string) bool { return without(query, name) != query }

// without is a query without that parameter; everything else stays as it is.
func without(query, name string) string {
	var kept []string
	for part := range strings.SplitSeq(query, "&") {
		key, _, _ := strings.Cut(part, "=")
		if !wire.EqualFold(key, name) {
			kept = append(kept, part)
		}
	}
	return strings.Join(kept, "&")
}

func with(query, part string) string { return strings.TrimPrefix(query+"&"+part, "&") }

// renew opens a session for one handshake.
func (c *caller) renew(ctx context.Context, h *rules.Handshake) error {
	f := c.session
	body, err := c.ask(ctx, f.method, f.target, h)
	if err != nil {
		return fmt.Errorf("%s %s: %w", f.method, rules.Redaction{}.Target(f.target), err)
	}
	m := f.token.FindSubmatch(body)
	if m == nil {
		return fmt.Errorf("%s %s: the response names no session", f.method, rules.Redaction{}.Target(f.target))
	}
	h.Path = f.in(string(m[1]))
	h.Target = h.Path
	return nil
}
