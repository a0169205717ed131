package capture

import (
	"github.com/interlock-proxy/interlock/internal/tlsread"
	"github.com/interlock-proxy/interlock/wire"
)

// secure reports whether the connection is decrypted, which its first byte decides.
func (c *connection) secure(d wire.Direction, first byte) bool {
	if c.tls == nil && !c.heard && d == wire.FromClient && tlsread.Begins(first) && c.streams.Secrets.Expected() {
		c.tls = tlsread.NewConn(c.streams.Secrets, c.plain)
	}
	c.heard = true
	return c.tls != nil
}

// decrypt takes bytes of a TLS connection.
func (c *connection) decrypt(d wire.Direction, b []byte) {
	c.tls.Feed(tlsread.Side(d), b)
	why := c.tls.Reason()
	if why == tlsread.NoReason {
		return
	}
	t := c.streams
	t.report.Undecrypted[why]++
	t.counts.Opaque.Add(1)
	t.counts.TLS.Add(1)
	c.lost = true // the rest is unknown
	c.end(wire.CauseDrain)
}

// plain takes what a TLS connection carries.
func (c *connection) plain(from tlsread.Side, b []byte) {
	if k := &c.common; !k.ClientTLS {
		k.ClientTLS, k.BackendTLS, k.NoSNI = true, true, c.tls.ServerName() == ""
		k.Rare = &wire.Rare{ALPN: c.tls.ALPN(), SNI: c.tls.ServerName()}
		if c.tls.ALPN() == "h2" { // the SETTINGS of the server may come before the client's preface
			c.talk.BeginHTTP2(c.streams.now)
		}
	}
	c.give(wire.Direction(from), b)
}
