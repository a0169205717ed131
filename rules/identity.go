package rules

import (
	"bytes"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/wire"
)

// impostor is the user that probes claim to be. A response that contains it shows that the claim
// reached the application.
const impostor = "interlock-impostor"

// identityNames are the headers in which proxies name the user that they have authenticated.
func identityNames() []string {
	return []string{"X-Forwarded-User", "X-Forwarded-Email", "X-Forwarded-Preferred-Username", "X-Auth-Request-User", "X-Remote-User", "Remote-User"}
}

var _ = register(Rule{
	ID: "UPGRADE-IDENTITY", Level: Advice, Party: Intermediary,
	Severity: Severities{Refused: Critical, Switched: Critical}, Since: "0.1",
	Title: "A proxy that names the user in a header replaces that header in all spellings",
	Problem: Problems{
		Switched: "Proxy let a client name its own user: %s reached the application",
		Refused:  "Proxy let a client name its own user: %s reached the application",
	},
	Label: "Forged identity header accepted",
	Refs: []Ref{
		{"9110", "7.6.1", "a proxy removes the headers that Connection lists, and a client lists none that is meant for the end server"},
		{"9110", "17.10", "gateways turn hyphens into underscores, so that two different headers become one variable"},
		{"9110", "5.3", "a header that is not a list is sent once; recipients that get several may pick any"},
	},
	Why: `Applications behind a login proxy believe X-Forwarded-User, Remote-User and the like. The
proxy has to remove what clients send under these names, and clients have three ways around that:
X_Forwarded_User, which CGI and WSGI gateways turn into the same variable; a second header, of which
the application reads the one that the proxy did not replace; and Connection: X-Forwarded-User, upon
which a proxy removes the name that it has just set. The path for upgrades is often configured
apart from that for pages. Only an application that shows the user makes this visible to a probe: it
compares the response with that to the same headers in their usual form. If those reach the
application too, nothing removes them, which is right if the probe was sent past the proxy.`,
	Fix: `In the proxy, remove every header that is equal to an identity header after _ is read as -,
	apply the client's Connection list first, and set your own header last, in place of all others.
nginx: underscores_in_headers off (the default) and proxy_set_header X-Forwarded-User in each location
	that proxies, that of the WebSocket included.
oauth2-proxy, Traefik, Apache: update, and unset the header in both spellings before it is set.
In the application, accept identity headers from the proxy's address only, and read raw names.`,
	needs: needsProbe,
	When:  func(c *Case) bool { return c.brings("UPGRADE-IDENTITY") && c.X.Response != nil },
	Judge: func(c *Case) Result {
		usual := c.twin("usual")
		switch {
		case usual == nil || usual.Response == nil || shows(usual, impostor):
			return c.result(NotApplicable) // nothing removes these headers from requests
		case shows(c.X, impostor):
			return c.result(Fail)
		case shownIdentity(usual) != "" && shownIdentity(c.X) == "" && c.X.Response.Status == usual.Response.Status:
			return c.result(Fail).rated(High)
		case shownIdentity(c.X) != "":
			return c.result(Pass)
		}
		return c.result(NotApplicable) // the application shows no user
	},
	Show: func(c *Case, res Result) Shown {
		at := c.inRequest(append(identityNames(), "Connection")...)
		for _, f := range c.X.Request.Fields {
			if bytes.IndexByte(c.X.Request.Text(f.Name), '_') >= 0 && bytes.Equal(c.X.Request.Text(f.Value), []byte(impostor)) {
				at = append(at, Span{InRequest, f.Name.From, f.Name.To})
			}
		}
		if res.Severity != Critical {
			return says("Proxy removed its own %s, because the client listed that header in Connection", at, quote([]byte(shownIdentity(c.twin("usual")))))
		}
		return seen(at, quote([]byte(claimed(c))))
	},
	Probes: []Probe{
		claims("UPGRADE-IDENTITY-UNDERSCORE", "Identity headers with underscores",
			Edits(eachIdentity(func(name string) Edit { return Set(strings.ReplaceAll(name, "-", "_"), impostor) }))),
		claims("UPGRADE-IDENTITY-NOMINATE", "Identity headers listed in Connection",
			Edits(eachIdentity(func(name string) Edit { return Set(name, impostor) }), nominateIdentity)),
		claims("UPGRADE-IDENTITY-DUP", "Identity headers sent twice",
			Edits(eachIdentity(func(name string) Edit { return Edits(Set(name, impostor), Twice(name, impostor)) }))),
	},
})

// claims returns a probe that claims an identity, and the twin that does so in the usual form.
func claims(id, label string, edit Edit) Probe {
	return Probe{ID: id, Class: Differential, Label: label, Want: "The user that the proxy names", Edit: edit,
		Twins: []Twin{{Name: "usual", Text: "the handshake with the same headers in their usual form",
			Edit: eachIdentity(func(name string) Edit { return Set(name, impostor) })}}}
}

func eachIdentity(edit func(name string) Edit) Edit {
	var all []Edit
	for _, name := range identityNames() {
		all = append(all, edit(name))
	}
	return Edits(all...)
}

// nominateIdentity adds the identity headers to the list in Connection.
func nominateIdentity(h *Handshake) {
	if i := h.find("Connection"); i < len(h.Lines) {
		h.Lines[i].Value += ", " + strings.Join(identityNames(), ", ")
	}
}

// shows reports whether the response, or what follows it, contains the text.
func shows(x *wire.Exchange, text string) bool {
	return slices.ContainsFunc(responseParts(x), func(part []byte) bool { return bytes.Contains(part, []byte(text)) })
}

// shownIdentity returns the first identity header whose name the response contains, in any
// spelling: the application shows what it was told.
func shownIdentity(x *wire.Exchange) string {
	for _, part := range responseParts(x) {
		part = bytes.ReplaceAll(lowered(part), []byte("_"), []byte("-"))
		for _, name := range identityNames() {
			if bytes.Contains(part, lowered([]byte(name))) {
				return name
			}
		}
	}
	return ""
}

func responseParts(x *wire.Exchange) [][]byte {
	return [][]byte{x.Response.Raw, x.Content, x.After.Server}
}

// lowered returns a copy with ASCII letters in lower case.
func lowered(text []byte) []byte {
	low := bytes.Clone(text)
	for i, b := range low {
		if 'A' <= b && b <= 'Z' {
			low[i] = b + 'a' - 'A'
		}
	}
	return low
}

// claimed returns the name of the first header in which the probe claims its identity.
func claimed(c *Case) string {
	q := c.X.Request
	for _, f := range q.Fields {
		if bytes.Equal(q.Text(f.Value), []byte(impostor)) {
			return string(q.Text(f.Name))
		}
	}
	return ""
}
