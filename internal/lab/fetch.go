package lab

import (
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// fetchTime bounds what a backend fetches.
const fetchTime = 2 * time.Second

// fetchingBackends take an address from the request and connect to it, at any path. They connect to
// loopback addresses only.
func fetchingBackends() []Backend {
	fetching := func(name, about string, other answer) Backend {
		return Backend{Name: name, About: about, Paths: []string{"/chat", "/echo"}, other: other}
	}
	return []Backend{
		fetching("fetches-target", "fetches what an absolute target names, if the request has Upgrade", fetchTarget),
		fetching("fetches-host", "fetches from the address in Host, if the request has Upgrade", fetchHost),
		fetching("udp-anywhere", "accepts connect-udp without a look at host and port", acceptAnyUDP),
		fetching("connects", "answers CONNECT with a tunnel to any port of this machine", connectAnywhere),
	}
}

// fixedUpstream is the correct counterpart of these faults: it serves its own names only, and no
// CONNECT.
func fixedUpstream(p *peer, r *http.Request) bool {
	switch {
	case r.Method == http.MethodConnect:
		p.reply(r, refusal(http.StatusMethodNotAllowed, "the method is %q, not GET", r.Method))
		return false
	case r.URL.Host != "" && !p.isOwn(r.URL.Host):
		return p.reply(r, &reply{status: http.StatusMisdirectedRequest, text: "no such host here\n"})
	}
	return usual(p, r)
}

func fetchTarget(p *peer, r *http.Request) bool {
	if len(r.Header["Upgrade"]) == 0 || r.URL.Host == "" || p.isOwn(r.URL.Host) {
		return usual(p, r)
	}
	return p.fetch(r, r.URL.Host)
}

func fetchHost(p *peer, r *http.Request) bool {
	if len(r.Header["Upgrade"]) == 0 || refuse(r, 0) != nil || !isLoopback(r.Host) || p.isOwn(r.Host) {
		return usual(p, r)
	}
	return p.fetch(r, r.Host)
}

// connectAnywhere opens a tunnel on CONNECT (RFC 9110 §9.3.6).
func connectAnywhere(p *peer, r *http.Request) bool {
	if r.Method != http.MethodConnect {
		return usual(p, r)
	}
	far, err := dialLoopback(r.URL.Host)
	if err != nil {
		p.reply(r, &reply{status: http.StatusBadGateway, fields: http.Header{"Connection": {"close"}}})
		return false
	}
	defer func() { _ = far.Close() }()
	if !p.write("HTTP/1.1 200 Connection Established\r\n\r\n") {
		return false
	}
	_ = p.conn.SetDeadline(time.Now().Add(fetchTime))
	var back sync.WaitGroup
	back.Go(func() {
		_, _ = io.Copy(p.conn, far)
		_ = p.conn.SetReadDeadline(time.Now())
	})
	_, _ = io.Copy(far, p.br)
	_ = far.Close()
	back.Wait()
	return false
}

// acceptAnyUDP accepts each offer of connect-udp at the default path (RFC 9298 §2), and drops the
// packets.
func acceptAnyUDP(p *peer, r *http.Request) bool {
	if r.Method == http.MethodGet && strings.HasPrefix(r.URL.Path, "/.well-known/masque/udp/") && offers(r, "connect-udp") {
		return proxyUDP(p, r)
	}
	return usual(p, r)
}

// usual answers as a correct backend does.
func usual(p *peer, r *http.Request) bool {
	if r.URL.Path == "/chat" || r.URL.Path == "/echo" {
		return leavingOut(0)(p, r)
	}
	return p.reply(r, page(r))
}

// fetch passes on the answer of another server on this machine to a GET.
func (p *peer) fetch(r *http.Request, host string) bool {
	far, err := dialLoopback(host)
	if err != nil {
		return p.reply(r, &reply{status: http.StatusBadGateway, text: "no upstream\n"})
	}
	defer func() { _ = far.Close() }()
	_, _ = io.WriteString(far, "GET "+r.URL.RequestURI()+" HTTP/1.1\r\nHost: "+host+"\r\nConnection: close\r\n\r\n")
	answer, _ := io.ReadAll(io.LimitReader(far, maxMessage))
	p.write(string(answer))
	return false
}

// isOwn reports whether an authority is the address at which the peer came.
func (p *peer) isOwn(authority string) bool { return authority == p.conn.LocalAddr().String() }

// isLoopback reports whether an authority is a loopback address with a port.
func isLoopback(authority string) bool {
	at, err := netip.ParseAddrPort(authority)
	return err == nil && at.Addr().IsLoopback()
}

// dialLoopback connects to a loopback address.
func dialLoopback(authority string) (net.Conn, error) {
	if !isLoopback(authority) {
		return nil, &net.AddrError{Err: "not a loopback address", Addr: authority}
	}
	conn, err := net.DialTimeout("tcp", authority, fetchTime)
	if err != nil {
		return nil, err
	}
	return conn, conn.SetDeadline(time.Now().Add(fetchTime))
}
