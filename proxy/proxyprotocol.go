package proxy

import (
	"bufio"
	"fmt"
	"net"
	"time"

	"github.com/pires/go-proxyproto"
)

// trusts reports whether the peer is one whose connections begin with a header of the PROXY
// protocol.
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

// introduced reads who the client is from a header of the PROXY protocol, version 1 or 2, where the
// peer must send one. What came after it is yielded first by whatever reads the connection next.
func (g *goConn) introduced() error {
	if !g.via.trusts(g.client.RemoteAddr()) {
		return nil
	}
	g.client.SetReadDeadline(time.Now().Add(g.relay.Limits.Head))
	defer g.client.SetReadDeadline(time.Time{})
	reader := bufio.NewReader(g.client.socket)
	header, err := proxyproto.Read(reader)
	if err != nil {
		return fmt.Errorf("read PROXY header: %w", err)
	}
	if n := reader.Buffered(); n > 0 {
		behind, err := reader.Peek(n)
		if err != nil {
			return err
		}
		g.prefix = append(append([]byte(nil), behind...), g.prefix...)
	}
	if header.Command.IsProxy() && header.SourceAddr != nil {
		g.mu.Lock()
		g.session.common.Client = header.SourceAddr.String()
		g.mu.Unlock()
	}
	return nil
}

// proxyHeader is the header that tells a backend who the client is, in that version of the
// protocol. The peer stands for a client that is not an address.
func proxyHeader(version byte, client string, peer, ours net.Addr) ([]byte, error) {
	from := peer
	if a, err := net.ResolveTCPAddr("tcp", client); err == nil { // an address, never a name
		from = a
	}
	header, err := proxyproto.HeaderProxyFromAddrs(version, from, ours).Format()
	if err != nil {
		return nil, fmt.Errorf("write PROXY header: %w", err)
	}
	return header, nil
}

// introduce tells the backend who the client is, where it wants to know.
func (g *goConn) introduce(backend net.Conn) error {
	version := g.session.backend.ProxyProtocol
	if version == 0 {
		return nil
	}
	header, err := proxyHeader(version, g.session.common.Client, g.client.RemoteAddr(), g.client.LocalAddr())
	if err != nil {
		return err
	}
	backend.SetWriteDeadline(time.Now().Add(g.relay.Limits.Dial))
	defer backend.SetWriteDeadline(time.Time{})
	if _, err := backend.Write(header); err != nil {
		return fmt.Errorf("write PROXY header: %w", err)
	}
	return nil
}
