package rules

import (
	"bytes"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/wire"
)

var _ = register(Rule{
	ID: "UPGRADE-HOP-FIELDS", Level: Must, Party: Intermediary, Hop: true,
	Severity: Severities{Refused: Medium, Switched: Medium}, Since: "0.1",
	Title: "A proxy forwards the headers of a handshake and its response unchanged, and no Upgrade header of other responses",
	Problem: Problems{
		Switched: "Proxy changed headers of a handshake: %s",
		Refused:  "Proxy changed headers of a handshake: %s",
	},
	Label: "Headers of a handshake changed by proxy",
	Refs: []Ref{
		{"6455", "4.1", "client and server agree on extensions and subprotocols by these headers"},
		{"9110", "7.6.1", "Upgrade is for one hop: a proxy removes it, or sends it with Connection: upgrade as its own"},
		{"9110", "15.5.22", "a 426 has an Upgrade header that says what the client must use"},
		{"9110", "17.10", "names that differ only in hyphens and underscores may be one name for a backend"},
	},
	Why: `Client and server believe that they have agreed on a subprotocol or an extension, and have
not: the first message that uses it breaks the connection. Without the headers of a 426 a client does
not learn which version to use. An Upgrade header that gets through to the client advertises a
protocol which the proxy, and not the server, would have to speak.`,
	Fix: `Copy Sec-WebSocket-Protocol, Sec-WebSocket-Extensions and Sec-WebSocket-Version unchanged in
	both directions. Remove the Upgrade header of other responses than 101 and 426.
nginx: proxy_hide_header Upgrade removes an advertisement; underscores_in_headers off is the default.`,
	When: func(c *Case) bool {
		far := c.far()
		if far == nil || c.headCut {
			return false
		}
		return c.onlyClient() || offers(far.Request) && c.websocket || far.Response != nil && !isSwitch(far) && far.Response.Has("Upgrade")
	},
	Judge: func(c *Case) Result {
		v, s, _, _ := changedHandshake(c)
		return c.result(v).rated(s)
	},
	Show: func(c *Case, _ Result) Shown {
		_, _, sentence, names := changedHandshake(c)
		return says(sentence, append(c.inRequest(names...), inAnswer(c, names...)...), strings.Join(names, ", "))
	},
})

// inAnswer is inResponse where there may be no response.
func inAnswer(c *Case, names ...string) []Span {
	if c.X.Response == nil {
		return nil
	}
	return c.inResponse(names...)
}

// changedHandshake judges what a proxy has done to the headers of a handshake and its response.
func changedHandshake(c *Case) (v Verdict, s Severity, sentence string, names []string) {
	if names = changedFields(c); len(names) > 0 {
		return Warn, Medium, "Proxy changed headers of a handshake: %s", names
	}
	near, far := c.X.Response, c.far().Response
	switch advertised := near != nil && far != nil && far.Status < 300 && far.Status != 101 && far.Has("Upgrade") && near.Has("Upgrade"); {
	case near != nil && far != nil && far.Status == 426 && near.Status == 426:
		if names = lostOf426(near, far); len(names) > 0 {
			return Warn, Medium, "Proxy removed headers from a 426 that say what the client must use: %s", names
		}
	case advertised && !near.HasOption("upgrade"):
		return Warn, Medium, "Proxy forwarded the server's Upgrade header to the client, without Connection: upgrade", nil
	case advertised:
		return Warn, Low, "Proxy forwarded the server's advertisement of another protocol to the client", nil
	}
	if names = underscored(c); len(names) > 0 {
		return Warn, Low, "Proxy forwarded headers with underscores, which a backend may take for those with hyphens: %s", names
	}
	return Pass, Medium, "", nil
}

// changedFields are the headers of a handshake, and of its 101, that have other values on the other
// side of the hop. A proxy that has sent a key of its own negotiates by itself.
func changedFields(c *Case) (names []string) {
	const extensions, protocol = "Sec-WebSocket-Extensions", "Sec-WebSocket-Protocol"
	sent, far := c.X.Sent(), c.far().Request
	own := !bytes.Equal(first(&sent.Head, keyField), first(&far.Head, keyField))
	if !offers(far) || !c.websocket || own && !c.onlyClient() {
		return nil
	}
	there := []string{extensions, protocol, versionField}
	back := []string{protocol, extensions}
	if c.onlyClient() { // Interlock sends these to see what becomes of them
		there, back = append(there, "Origin", "Cookie", "Authorization", "X-End"), append(back, "Set-Cookie", "X-End")
	}
	for _, name := range there {
		if list(&sent.Head, name) != list(&far.Head, name) {
			names = append(names, name)
		}
	}
	if !c.switched || !c.farSwitched() {
		return names
	}
	near, answer := &c.X.Response.Head, &c.far().Response.Head
	if proof := acceptValue(first(&far.Head, keyField)); !own && string(first(answer, acceptField)) == string(proof[:]) {
		back = append(back, acceptField)
	}
	for _, name := range back {
		if list(near, name) != list(answer, name) {
			names = append(names, name+" of the 101")
		}
	}
	return names
}

// list is the value of a header whose lines are joined to one (RFC 9110 §5.3), without spaces.
func list(h *wire.Head, name string) string {
	var all []string
	for v := range h.Values(name) {
		all = append(all, string(bytes.ReplaceAll(h.Text(v), []byte(" "), nil)))
	}
	return strings.Join(all, ",")
}

// lostOf426 are the headers of a 426 that a client needs and did not get.
func lostOf426(near, far *wire.Response) (names []string) {
	if far.Has("Upgrade") && !near.Has("Upgrade") {
		names = append(names, "Upgrade")
	}
	if far.HasOption("upgrade") && !near.HasOption("upgrade") {
		names = append(names, "Connection")
	}
	if list(&far.Head, versionField) != list(&near.Head, versionField) {
		names = append(names, versionField)
	}
	return names
}

// underscored are the headers with an underscore that Interlock has sent and that have arrived.
func underscored(c *Case) (names []string) {
	if !c.onlyClient() {
		return nil
	}
	for _, f := range c.X.Sent().Fields {
		name := string(c.X.Sent().Text(f.Name))
		if strings.Contains(name, "_") && c.far().Request.Has(name) && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}
