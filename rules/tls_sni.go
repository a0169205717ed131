package rules

import (
	"net/netip"
	"strings"
)

var _ = register(Rule{
	ID: "UPGRADE-TLS-NO-SNI", Level: Must, Party: Client,
	Severity: Severities{Refused: Low, Switched: Low}, Since: "0.1",
	Title: "A client names the server in the TLS handshake before a WebSocket handshake",
	Problem: Problems{
		Switched: "Client named no server in its TLS handshake (SNI) and then sent Host: %s",
		Refused:  "Client named no server in its TLS handshake (SNI) and then sent Host: %s; the server rejected the handshake",
	},
	Label: "No SNI",
	Refs: []Ref{
		{"6455", "4.1", "a client uses the extension Server Name Indication in the TLS handshake"},
		{"6066", "3", "the name is a DNS hostname, and never an IP address"},
	},
	Why: `A server that has several certificates chooses one by this name, and a proxy in front
chooses the backend by it. Without the name the client gets the default certificate, which is often
that of another site, and may reach another backend than the one in its Host header. Such clients
work against a server with one name and fail when a second one is added.`,
	Fix: `Set the server name in the TLS settings of the client. Most libraries do so if they
	are given the hostname rather than its IP address.
Node: pass servername along with the host. Python: pass server_hostname. Go: tls.Config.ServerName.
Java: SSLParameters.setServerNames.`,
	When: func(c *Case) bool { return c.X.NoSNI && c.websocket && c.X.Request.Count("Host") == 1 },
	Judge: func(c *Case) Result {
		switch {
		case namesAddress(string(first(&c.X.Request.Head, "Host"))):
			return c.result(Pass)
		case c.switched:
			return c.result(Fail)
		}
		return c.result(Warn)
	},
	Show: func(c *Case, _ Result) Shown {
		return seen(c.inRequest("Host"), requestValues(c, "Host"))
	},
})

// namesAddress reports whether a Host is an IP address, with or without a port.
func namesAddress(host string) bool {
	if at, err := netip.ParseAddrPort(host); err == nil {
		return at.IsValid()
	}
	_, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(host, "["), "]"))
	return err == nil
}
