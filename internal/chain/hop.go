package chain

import (
	"context"
	"crypto/tls"
	"net"
	"time"
)

// A Hop is the proxy that is probed, as its clients reach it.
type Hop struct {
	Address   string      // host and port
	Host      string      // the value of Host
	Path      string      // the prefix of every target; its default is empty
	Protected string      // a path that it rejects; empty: none is known
	TLS       *tls.Config // nil: cleartext; by ALPN the version of a probe alone is offered
	TLSFlags  []string    // the flags of the command that TLS is of
	Fields    [][2]string // further headers of every request, such as those that the hop asks for
}

func (h *Hop) scheme() string {
	if h.TLS != nil {
		return "https"
	}
	return "http"
}

// dial connects to the hop.
func (h *Hop) dial(ctx context.Context, within time.Duration) (net.Conn, error) {
	return h.dialFor(ctx, within, "http/1.1")
}

// dial2 connects to the hop for HTTP/2: by prior knowledge, and in TLS where the hop chooses it.
func (h *Hop) dial2(ctx context.Context, within time.Duration) (net.Conn, error) {
	return h.dialFor(ctx, within, "h2")
}

func (h *Hop) dialFor(ctx context.Context, within time.Duration, protocol string) (net.Conn, error) {
	ctx, giveUp := context.WithTimeout(ctx, within)
	defer giveUp()
	var d net.Dialer
	if h.TLS == nil {
		return d.DialContext(ctx, "tcp", h.Address)
	}
	config := h.TLS.Clone()
	config.NextProtos = []string{protocol}
	secure := tls.Dialer{NetDialer: &d, Config: config}
	return secure.DialContext(ctx, "tcp", h.Address)
}

// Times are how long a run waits. Those that are zero follow from Come as their comments say.
type Times struct {
	Dial  time.Duration // for a connection; 5 s
	Come  time.Duration // for what must come; 3 s
	Not   time.Duration // for what must not come; a sixth of Come
	Hold  time.Duration // how long the sink holds an answer back to see what comes before it; 7/30 of Come
	Later time.Duration // between the parts of a request or of an answer; a thirtieth of Come
	Empty time.Duration // after the pool was emptied; 80 ms
	Idle  time.Duration // how long a tunnel is silent; six times Come
	Alone time.Duration // how long an attempt that waits keeps others from the hop; a twelfth of Come
}

// fill sets zero fields to their defaults.
func (t *Times) fill() {
	or := func(field *time.Duration, value time.Duration) {
		if *field == 0 {
			*field = value
		}
	}
	or(&t.Dial, 5*time.Second)
	or(&t.Come, 3*time.Second)
	or(&t.Not, t.Come/6)
	or(&t.Hold, t.Come*7/30)
	or(&t.Later, t.Come/30)
	or(&t.Empty, 80*time.Millisecond)
	or(&t.Idle, 6*t.Come)
	or(&t.Alone, t.Come/12)
}
