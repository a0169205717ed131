package proxy

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/interlock-proxy/interlock/wire"
)

// A forwardListener stands in front of goproxy. It reads the first head of each connection as it
// is, so that no byte after it is lost, and decides who carries the connection. It is the listener
// from which goproxy's server gets its share.
type forwardListener struct {
	forward *Forward
	relay   *Relay
	addr    net.Addr
	inner   chan net.Conn // unbuffered: a connection is handed over or it is not
	closed  chan struct{}
	once    sync.Once
}

// Accept yields the next connection for goproxy.
func (l *forwardListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.inner:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close ends Accept.
func (l *forwardListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

// Addr is the address of the listener that it stands in front of.
func (l *forwardListener) Addr() net.Addr { return l.addr }

// enter takes a connection and returns when it is over. It owns client and its slot.
func (l *forwardListener) enter(ctx context.Context, client socket) {
	stop := context.AfterFunc(ctx, func() { client.SetReadDeadline(time.Unix(1, 0)) })
	head, rest, err := l.readHead(client)
	if !stop() || err != nil {
		if errors.Is(err, errNoHead) {
			l.say(client, "400 Bad Request", err.Error())
			return
		}
		client.Close()
		l.relay.giveSlot()
		return
	}
	client.SetReadDeadline(time.Time{})
	q := wire.ReadRequest(head)
	scheme, authority, asks := asked(q)
	if asks && !l.forward.users.admit(q) {
		l.relay.rare.log("credentials", l.relay.Log.Warn().Str("client", client.RemoteAddr().String()), "proxy credentials missing or wrong")
		l.say(client, "407 Proxy Authentication Required", "this proxy asks for credentials", challenge)
		return
	}
	var t *forwardTarget
	if asks {
		if t, err = l.find(q, scheme, authority); err != nil {
			l.refuse(ctx, client, q, rest, authority, err)
			return
		}
	}
	if asks && scheme == "http" {
		g := newGoConn(l.relay, client)
		g.prefix = append(append([]byte(nil), head...), rest...)
		t.once = !q.Has("Upgrade")
		g.follow(t)
		g.serve(ctx)
		return
	}
	l.handOver(client, q, t, rest)
}

// handOver lets goproxy have a connection, and returns when that is over.
func (l *forwardListener) handOver(client socket, q *wire.Request, t *forwardTarget, rest []byte) {
	held := &heldConn{
		socket: client, head: q.Raw, rest: rest, target: t, hold: q.Method == "CONNECT",
		wake: make(chan struct{}, 1), over: make(chan struct{}), served: make(chan struct{}), slot: l.relay.giveSlot,
	}
	select {
	case l.inner <- held:
		<-held.over
		<-held.served
	case <-l.closed:
		held.Close()
	}
}

// asked is what a request to a proxy wants to reach: by CONNECT (RFC 9110 §9.3.6), for which the
// scheme is empty, or by a target in absolute-form (RFC 9112 §3.2.2). It is false for a request to
// the listener itself.
func asked(q *wire.Request) (scheme, authority string, ok bool) {
	if q.Method == "CONNECT" {
		return "", q.Target, true
	}
	return absoluteForm(q)
}

// find is where a request goes, if that is in scope.
func (l *forwardListener) find(q *wire.Request, scheme, authority string) (*forwardTarget, error) {
	ports := map[string]uint16{"http": 80, "ws": 80, "https": 443, "wss": 443} // a CONNECT has to have one
	to, found, err := l.forward.scope.find(authority, ports[scheme], l.relay.routes.Load())
	if err != nil {
		return nil, err
	}
	absolute := q.Method != "CONNECT"
	return &forwardTarget{
		destination: to, patterns: found, authority: authority, forward: l.forward, absolute: absolute,
		closed: !absolute && l.forward.scope.isClosed(to),
	}, nil
}

// refuse tells a client that what it asked for is out of scope. If that was an upgrade, there is an
// exchange to report.
func (l *forwardListener) refuse(ctx context.Context, client socket, q *wire.Request, rest []byte, authority string, why error) {
	l.relay.rare.log("scope", l.relay.Log.Warn().Str("client", client.RemoteAddr().String()).Str("target", authority).Str("err", why.Error()), "target out of scope")
	if q.Method == "CONNECT" || !q.Has("Upgrade") {
		status := "403 Forbidden"
		if _, port, err := splitAuthority(authority); q.Method == "CONNECT" && (err != nil || port == "") {
			status = "400 Bad Request" // RFC 9110 §9.3.6
		}
		l.say(client, status, why.Error())
		return
	}
	g := newGoConn(l.relay, client)
	g.prefix = append(append([]byte(nil), q.Raw...), rest...)
	g.session.hold().refusal = why.Error()
	g.serve(ctx)
}

// say answers a client with a line, and ends its connection so that it can see that.
func (l *forwardListener) say(client socket, status, line string, fields ...string) {
	defer l.relay.giveSlot()
	defer client.Close()
	client.SetDeadline(time.Now().Add(lingerFor))
	if _, err := io.WriteString(client, localAnswer(status, line, fields...)); err != nil {
		return
	}
	_ = client.CloseWrite() // a client that is gone needs no end
	if _, err := io.CopyN(io.Discard, client, lingerBytes); err != nil {
		l.relay.Log.Debug().Str("client", client.RemoteAddr().String()).Msg("client was told and has gone")
	}
}

// errNoHead says that what a client sent is not a request head.
var errNoHead = errors.New("what came is no HTTP/1 request: this is a proxy")

// readHead reads the first head of a connection, and what came after it in the same segments.
func (l *forwardListener) readHead(client socket) (head, rest []byte, err error) {
	client.SetReadDeadline(time.Now().Add(l.relay.Limits.Head))
	scanner := wire.Scanner{Side: wire.FromClient, Pool: &l.relay.pool}
	defer scanner.Stop()
	buffer := l.relay.buffers.get()
	defer l.relay.buffers.put(buffer)
	var h wire.Head
	for {
		n, err := client.Read(buffer[:])
		if err != nil {
			return nil, nil, err
		}
		taken, event := scanner.Scan(buffer[:n], &h)
		switch event {
		case wire.EventHead:
			return append([]byte(nil), h.Raw...), append([]byte(nil), buffer[taken:n]...), nil
		case wire.EventOpaque:
			return nil, nil, errNoHead
		}
	}
}

// absoluteForm is scheme, in lower case, and authority of a target in absolute-form (RFC 9112
// §3.2.2).
func absoluteForm(q *wire.Request) (scheme, authority string, ok bool) {
	scheme, rest, ok := strings.Cut(q.Target, "://")
	if !ok || scheme == "" || strings.ContainsAny(scheme, "/?#") {
		return "", "", false
	}
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		rest = rest[:i]
	}
	return strings.ToLower(scheme), rest, true
}

// originForm is a head as it goes on from a proxy to the server: scheme and authority, if it is the
// one to which the connection goes, cut out of the target, the lines meant for the proxy removed,
// everything else as it was.
func originForm(head []byte, to string) []byte {
	q := wire.ReadRequest(head)
	scheme, authority, ok := absoluteForm(q)
	if !ok || scheme != "http" || authority != to {
		return withoutProxy(head)
	}
	target := q.Start.From + strings.Index(string(q.Text(q.Start)), q.Target)
	rest := target + len("http://") + len(authority)
	out := append([]byte(nil), head[:target]...)
	if rest >= len(head) || head[rest] != '/' {
		out = append(out, '/')
	}
	return withoutProxy(append(out, head[rest:]...))
}

// withoutProxy is a head without the lines that are meant for a proxy.
func withoutProxy(head []byte) []byte {
	q := wire.ReadRequest(head)
	last := 0
	var out []byte
	for _, f := range q.Fields {
		const prefix = "Proxy-"
		if name := q.Text(f.Name); len(name) < len(prefix) || !wire.EqualFold(name[:len(prefix)], prefix) {
			continue
		}
		end := f.Value.To
		for end < len(head) && head[end-1] != '\n' {
			end++
		}
		out = append(out, head[last:f.Name.From]...)
		last = end
	}
	return append(out, head[last:]...)
}

// withLine is a head with one more line after the others.
func withLine(head []byte, line string) []byte {
	end := bytes.TrimSuffix(head, []byte("\n"))
	end = bytes.TrimSuffix(end, []byte("\r"))
	out := append(append([]byte(nil), end...), line+"\r\n"...)
	return append(out, head[len(end):]...)
}
