package rules

import "strings"

var _ = register(Rule{
	ID: "UPGRADE-HOP-TARGET", Level: Must, Party: Intermediary, Hop: true,
	Severity: Severities{Refused: Critical, Switched: Critical}, Since: "0.1",
	Title: "A proxy connects only to servers of its configuration, whatever the target or Host of a request says",
	Problem: Problems{
		Switched: "Proxy connects to a server that only the client has named: %s",
		Refused:  "Proxy connects to a server that only the client has named: %s",
	},
	Label: "Proxy connects where the client says",
	Refs: []Ref{
		{"9112", "3.2.2", "a server that gets the URL of another host as target may reject it; it need not follow it"},
		{"9110", "7.4", "an origin server rejects a request for another host, to guard its own resources"},
		{"9110", "9.3.6", "a proxy restricts CONNECT to known ports and hosts"},
	},
	Why: `A client from outside reaches servers in the proxy's own network: metadata services,
administration pages, databases. With an upgrade it gets a connection that carries any bytes (server
side request forgery). The code for upgrades often takes the address from the request where the code
for other requests does not.`,
	Fix: `Choose the server by your configuration, and answer 400 or 421 to a target or Host that is not
	yours. Turn forward proxying and CONNECT off.
nginx: name the server in proxy_pass; a variable such as $host or $http_host there is the client's.
Apache httpd: ProxyRequests Off.
Squid: http_port with accel, cache_peer with originserver, and never_direct allow all.`,
	When: func(c *Case) bool {
		q := c.X.Request
		return c.onlyClient() && (q.Method == "CONNECT" || !strings.HasPrefix(q.Target, "/") || strings.HasPrefix(q.Target, "//"))
	},
	Judge: func(c *Case) Result { return c.result(Pass) }, // what a sighting says else is in the table of those
	Show:  func(*Case, Result) Shown { return Shown{} },
})
