package probe

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/base64"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
	"github.com/interlock-proxy/interlock/wire/ws"
)

// A caller connects to the target and sends requests. After fill it is safe for concurrent use.
type caller struct {
	target   Target
	settings Settings // every field is set
	network  string
	address  string
	tls      *tls.Config // nil: plain text
	tls2     *tls.Config // the same for HTTP/2
	loopback bool
	session  *fetch       // opens a new session for each handshake; nil: not needed
	lure     *lure        // nil: nothing is sent that needs it
	stalls   atomic.Int32 // probes of frames that got no reaction; see patient
	mute     bool         // the control got no pong: do not wait long for one

	vain [awaitKinds]atomic.Int32 // how often in a row each was awaited in vain; see streamed.await

	script *ws.Messages // what a client sends in the tunnel; nil: no recorded messages
	polite bool         // test a tunnel with a ping only, and keep the beginning of other responses
	pace   *rate.Limiter
	pool   wire.Pool
	counts wire.Counts
}

// newCaller resolves the target and sets the defaults that depend on it.
func newCaller(ctx context.Context, t Target, s Settings) (*caller, error) {
	c := &caller{target: t, settings: s, network: "tcp", address: t.Address}
	host := ""
	if path, unix := strings.CutPrefix(t.Address, "unix:"); unix {
		c.network, c.address, c.loopback = "unix", path, true
	} else {
		var err error
		if host, _, err = net.SplitHostPort(t.Address); err == nil {
			c.loopback, err = loops(ctx, host)
		}
		if err != nil {
			return nil, &TargetError{t.Address, ErrUnreachable, err}
		}
	}
	if t.TLS != nil {
		c.tls = t.TLS.Clone()
		c.tls.NextProtos = []string{"http/1.1"}
		if c.tls.ServerName == "" {
			c.tls.ServerName = host
		}
		c.tls2 = c.tls.Clone()
		c.tls2.NextProtos = []string{"h2", "http/1.1"}
	}
	c.settings.fill(c.loopback)
	c.pace = rate.NewLimiter(rate.Limit(c.settings.Rate), 1)
	if c.settings.Rate == 0 {
		c.pace.SetLimit(rate.Inf)
	}
	return c, nil
}

// loops reports whether all addresses of a host are loopback addresses.
func loops(ctx context.Context, host string) (bool, error) {
	addresses, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return false, err
	}
	for _, a := range addresses {
		if !a.Unmap().IsLoopback() {
			return false, nil
		}
	}
	return true, nil
}

// fill sets zero fields to their defaults. A rate of 0 stays: loopback addresses have no limit.
func (s *Settings) fill(loopback bool) {
	or := func(d *time.Duration, value time.Duration) {
		if *d == 0 {
			*d = value
		}
	}
	or(&s.Dial, 5*time.Second)
	or(&s.Head, 2*time.Second)
	or(&s.Tail, 500*time.Millisecond)
	or(&s.Return, 5*time.Second)
	if s.Canary == "" && loopback {
		s.Canary = "127.0.0.1:0"
	}
	if s.Concurrency == 0 {
		s.Concurrency = 1
		if loopback {
			s.Concurrency = 16
		}
	}
	if s.Rate == 0 && !loopback {
		s.Rate = 10
	}
	if s.NewID == nil {
		s.NewID = func(time.Time) string { return rand.Text() }
	}
	if s.Fails == nil {
		s.Fails = func(*wire.Exchange) bool { return false }
	}
}

// open opens a connection, for HTTP/2 or HTTP/1.1. It is closed when ctx ends or release is called, which waits
// until it is.
func (c *caller) open(ctx context.Context, http2 bool) (conn net.Conn, release func(), err error) {
	conn, bare, err := c.dial(ctx, http2)
	if err != nil {
		return nil, nil, err
	}
	closed := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		bare.Close()
		close(closed)
	})
	return conn, func() {
		if !stop() {
			<-closed
		}
		conn.Close()
	}, nil
}

// dial opens a connection, for HTTP/2 or HTTP/1.1. Closing bare closes the connection at once.
func (c *caller) dial(ctx context.Context, http2 bool) (conn, bare net.Conn, err error) {
	ctx, giveUp := context.WithTimeout(ctx, c.settings.Dial)
	defer giveUp()
	var d net.Dialer
	if bare, err = d.DialContext(ctx, c.network, c.address); err != nil {
		return nil, nil, err
	}
	if c.tls == nil {
		return bare, bare, nil
	}
	config := c.tls
	if http2 {
		config = c.tls2
	}
	secured := tls.Client(bare, config)
	if err := secured.HandshakeContext(ctx); err != nil {
		bare.Close()
		return nil, nil, &handshakeError{err}
	}
	if got := secured.ConnectionState().NegotiatedProtocol; http2 && got != "h2" {
		bare.Close()
		return nil, nil, &alpnError{got}
	}
	return secured, bare, nil
}

// base returns the base of the next request: the target's handshake in the form that the control
// was accepted with, and a fresh key.
func (c *caller) base(ctx context.Context, form rules.Edit) (*rules.Handshake, error) {
	h := c.target.Base
	if c.target.Handshake != nil {
		var err error
		if h, err = c.target.Handshake(ctx); err != nil {
			return nil, err
		}
	}
	var key [16]byte
	_, _ = rand.Read(key[:]) // it never fails
	h = h.Fresh(base64.StdEncoding.EncodeToString(key[:]))
	if c.lure != nil {
		h.Lure = c.lure.next()
	}
	form(h)
	if c.session != nil {
		if err := c.renew(ctx, h); err != nil {
			return nil, err
		}
	}
	return h, nil
}

// sign adds headers with the sender, the run and the probe. They are for people who read logs, and
// for an Interlock that receives the request through a proxy, even on this machine.
func (c *caller) sign(h *rules.Handshake, id string) {
	if c.settings.UserAgent == "" || len(h.Lines) == 0 {
		return
	}
	value := c.settings.UserAgent + " " + c.settings.Run + "/" + id
	if h.HTTP2() {
		h.Stream.Sign(value)
		return
	}
	last := h.Lines[len(h.Lines)-1]
	for i, l := range h.Lines {
		if wire.EqualFold(l.Name, "User-Agent") {
			h.Lines[i].Value = value
			return
		}
	}
	h.Lines = append(h.Lines, rules.Line{Name: "User-Agent", Gap: ": ", Value: value, End: last.End})
}

// An alpnError means that a server does not choose HTTP/2 by ALPN (RFC 7301).
type alpnError struct{ chose string }

// Error says what it chooses.
func (e *alpnError) Error() string {
	if e.chose == "" {
		return "the server chooses no protocol by ALPN"
	}
	return "the server chooses " + strconv.Quote(e.chose) + " by ALPN"
}
