package rules

import "strings"

var _ = register(Rule{
	ID: "UPGRADE-AUTH-QUERY", Level: Should, Party: Client,
	Severity: Severities{Refused: Low, Switched: Low}, Since: "0.1",
	Versions: AnyVersion,
	Title:    "A client does not send credentials in the query string of a handshake",
	Problem: Problems{
		Switched: "Client sent credentials in the query string (%s); every access log on the way has them",
		Refused:  "Client sent credentials in the query string (%s); every access log on the way has them",
	},
	Label: "Credentials in the query string",
	Refs: []Ref{
		{"9110", "17.9", "a URI is shown, stored and passed on, and is not a place for confidential data"},
		{"6750", "5.3", "bearer tokens are not passed in page URLs, which logs and histories keep"},
	},
	Why: `Servers, proxies and load balancers write the target of each request to their access logs, and
tools for monitoring copy it from there. A token in the query string is in all of these places for
as long as they are kept, readable for everyone who may read logs. In plain text, everyone on the
way can read it as well. Browsers cannot add headers to a handshake, so tokens in the query are
common; cookies, a subprotocol or the first message can carry them instead.`,
	Fix: `Authenticate with a cookie (HttpOnly, SameSite), with a subprotocol that the server removes, or
	with the first message after the 101.
If it has to be the query: use a ticket that is valid once and for seconds, and keep it out of the logs.
nginx: log $uri in place of $request.`,
	When: func(c *Case) bool { return c.asks() && strings.IndexByte(c.X.Request.Target, '?') >= 0 },
	Judge: func(c *Case) Result {
		if len(c.inQuery()) == 0 {
			return c.result(Pass)
		}
		return c.result(Warn)
	},
	Show: func(c *Case, _ Result) Shown {
		text := ""
		if outerScheme(c) != overTLS {
			text = "Client sent credentials in the query string (%s), and the request arrived in plain text; everyone on the way can read them, and access logs have them"
		}
		return says(text, c.atTarget(), strings.Join(c.inQuery(), ", "))
	},
})

// inQuery returns the names of the parameters of the target that have credentials.
func (c *Case) inQuery() (names []string) {
	for _, parameter := range c.Options.Redact.names().secretParameters(c.X.Request.Target) {
		name, _, _ := strings.Cut(parameter, "=")
		names = append(names, quote(name))
	}
	return names[:min(len(names), 3)]
}
