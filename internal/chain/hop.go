package chain

import (
	"context"
	"crypto/tls"
	"net"
	"time"
)

// A Hop is the proxy that is probed, as its clients reach it.
type Hop struct {
	Address string      // host and port
	Host    string      // the value of Host
	Path    string      // the prefix of every target; its default is empty
	TLS     *tls.Config // nil: cleartext; http/1.1 alone is offered by ALPN
	Fields  [][2]string // further headers of every request, such as those that the hop asks for
}

func (h *Hop) scheme() string {
	if h.TLS != nil {
		return "https"
	}
	return "http"
}

// dial connects to the hop.
func (h *Hop) dial(ctx context.Context, within time.Duration) (net.Conn, error) {
	ctx, giveUp := context.WithTimeout(ctx, within)
	defer giveUp()
	var d net.Dialer
	if h.TLS == nil {
		return d.DialContext(ctx, "tcp", h.Address)
	}
	config := h.TLS.Clone()
	config.NextProtos = []string{"http/1.1"}
	secure := tls.Dialer{NetDialer: &d, Config: config}
	return secure.DialContext(ctx, "tcp", h.Address)
}

// Times are how long a run waits. The default of a zero field is in its comment.
type Times struct {
	Dial  time.Duration // for a connection; 5 s
	Come  time.Duration // for what must come; 3 s
	Not   time.Duration // for what must not come; 500 ms
	Hold  time.Duration // how long the sink holds an answer back to see what comes before it; 700 ms
	Later time.Duration // between the parts of a request or of an answer; 100 ms
	Empty time.Duration // after the pool was emptied; 80 ms
	Idle  time.Duration // how long a tunnel is silent; 18 s
}

// fill sets zero fields to their defaults.
func (t *Times) fill() {
	for _, each := range []struct {
		field *time.Duration
		value time.Duration
	}{
		{&t.Dial, 5 * time.Second}, {&t.Come, 3 * time.Second}, {&t.Not, 500 * time.Millisecond}, {&t.Hold, 700 * time.Millisecond},
		{&t.Later, 100 * time.Millisecond}, {&t.Empty, 80 * time.Millisecond}, {&t.Idle, 18 * time.Second},
	} {
		if *each.field == 0 {
			*each.field = each.value
		}
	}
}
