package proxy

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/elazarl/goproxy"
)

// checkUpstream says what is wrong with the URL of an upstream proxy.
func checkUpstream(u *url.URL) error {
	if u == nil {
		return nil
	}
	if u.Scheme != "http" || u.Hostname() == "" || u.RawQuery != "" || u.Fragment != "" || u.Path != "" && u.Path != "/" {
		return errors.New("the upstream proxy is no URL such as http://proxy.example:3128")
	}
	return nil
}

// upstreamAddress is host:port of the upstream proxy.
func (f *Forward) upstreamAddress() string {
	port := f.Upstream.Port()
	if port == "" {
		port = "80"
	}
	return net.JoinHostPort(f.Upstream.Hostname(), port)
}

// connect opens a connection to precisely that address.
func (f *Forward) connect(ctx context.Context, d *net.Dialer, to netip.AddrPort) (net.Conn, error) {
	if f.dialled != nil {
		f.dialled(to)
	}
	return d.DialContext(ctx, "tcp", to.String())
}

// maxUpstreamHead bounds what an upstream proxy may say before a connection through it begins, in
// bytes.
const maxUpstreamHead = 64 << 10

// answering is the connection to an upstream proxy while it answers.
type answering struct {
	net.Conn
	left  int
	first []byte // how the answer begins, up to its status
}

// Read is that of the connection, up to the bound.
func (a *answering) Read(p []byte) (int, error) {
	if a.left <= 0 {
		return 0, errors.New("its answer is too long")
	}
	n, err := a.Conn.Read(p[:min(len(p), a.left)])
	a.left -= n
	a.first = append(a.first, p[:min(n, len(statusLine)-len(a.first))]...)
	return n, err
}

// statusLine is as long as what tells the status of a response (RFC 9112 §4).
const statusLine = "HTTP/1.1 200"

// describe says what became of a CONNECT that failed.
func (a *answering) describe(err error) error {
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		err = errors.New("it closed the connection")
	case len(a.first) == len(statusLine) && bytes.HasPrefix(a.first, []byte("HTTP/1.")) && strings.HasPrefix(err.Error(), "proxy refused"):
		err = fmt.Errorf("it answered CONNECT with %q", a.first[9:])
	}
	return fmt.Errorf("upstream proxy: %w", err)
}

// upstreamCredentials are those for the upstream proxy (RFC 7617); empty: it asks for none.
func (f *Forward) upstreamCredentials() string {
	user := f.Upstream.User
	if user == nil {
		return ""
	}
	password, _ := user.Password()
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user.Username()+":"+password))
}

// reachUpstream connects to the upstream proxy.
func (f *Forward) reachUpstream(ctx context.Context, d *net.Dialer) (net.Conn, error) {
	conn, err := d.DialContext(ctx, "tcp", f.upstreamAddress())
	if err != nil {
		return nil, fmt.Errorf("upstream proxy: %w", err)
	}
	return conn, nil
}

// dialUpstream connects to a destination by a CONNECT at the upstream proxy.
func (f *Forward) dialUpstream(ctx context.Context, d *net.Dialer, to destination) (net.Conn, error) {
	conn, err := f.reachUpstream(ctx, d)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	answer := &answering{Conn: conn, left: maxUpstreamHead}
	p := goproxy.ProxyHttpServer{Tr: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return answer, nil }}}
	_, err = p.NewConnectDialToProxyWithHandler(f.Upstream.Scheme+"://"+f.upstreamAddress(), func(q *http.Request) {
		if credentials := f.upstreamCredentials(); credentials != "" {
			q.Header.Set("Proxy-Authorization", credentials)
		}
	})("tcp", to.String())
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		conn.Close()
		return nil, answer.describe(err)
	}
	return conn, nil
}
