package proxy

import (
	"bufio"
	"fmt"
	"net"
	"time"

	"github.com/pires/go-proxyproto"
)

// trusts reports whether the peer is one whose connections begin with a header of the PROXY protocol.
func (l *Listener) trusts(peer net.Addr) bool {
	if l == nil || len(l.Trusted) == 0 {
		return false
	}
	from, ok := addrPort(peer)
	if !ok {
		return false
	}
	for _, p := range l.Trusted {
		if p.Contains(from.Addr()) {
			return true
		}
	}
	return false
}

// introduced reads who the client is from a header of the PROXY protocol, version 1 or 2, where the peer must send one.
// What came behind it is yielded first by whatever reads the connection next.
func (c *conn) introduced() error {
	if !c.via.trusts(c.client.RemoteAddr()) {
		return nil
	}
	c.client.SetReadDeadline(time.Now().Add(c.relay.Limits.Head))
	defer c.client.SetReadDeadline(time.Time{})
	reader := bufio.NewReader(c.client.socket)
	header, err := proxyproto.Read(reader)
	if err != nil {
		return fmt.Errorf("read PROXY header: %w", err)
	}
	if n := reader.Buffered(); n > 0 {
		behind, err := reader.Peek(n)
		if err != nil {
			return err
		}
		c.prefix = append(append([]byte(nil), behind...), c.prefix...)
	}
	if header.Command.IsProxy() && header.SourceAddr != nil {
		c.common.Client = header.SourceAddr.String()
	}
	return nil
}

// introduce tells the backend who the client is, where it wants to know.
func (c *conn) introduce(backend net.Conn) error {
	if c.to.ProxyProtocol == 0 {
		return nil
	}
	var from net.Addr = c.client.RemoteAddr()
	if a, err := net.ResolveTCPAddr("tcp", c.common.Client); err == nil { // an address, never a name
		from = a
	}
	header := proxyproto.HeaderProxyFromAddrs(c.to.ProxyProtocol, from, c.client.LocalAddr())
	backend.SetWriteDeadline(time.Now().Add(c.relay.Limits.Dial))
	defer backend.SetWriteDeadline(time.Time{})
	if _, err := header.WriteTo(backend); err != nil {
		return fmt.Errorf("write PROXY header: %w", err)
	}
	return nil
}
