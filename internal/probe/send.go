package probe

import (
	"context"
	"errors"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// Send sends the base of a target once with a fresh key, like an ordinary client: in the tunnel it
// sends a ping and closes. The exchange keeps the beginning of the response body. The error says
// why nothing could be sent, as in [Run], or that the server does not speak HTTP; in the latter
// case the exchange is returned too.
func Send(ctx context.Context, t Target, s Settings) (*wire.Exchange, error) {
	c, err := newCaller(ctx, t, s)
	if err != nil {
		return nil, err
	}
	c.polite = true
	h, err := c.base(ctx, func(*rules.Handshake) {})
	if err != nil {
		return nil, err
	}
	a := c.attempt(ctx, "", h, c.settings.Head, true)
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.As(a.err, new(*alpnError)):
		return nil, &TargetError{t.Address, ErrNotHTTP2, a.err}
	case a.err != nil:
		return nil, &TargetError{t.Address, kindOf(a.err), reason(a.err)}
	}
	x := *a.x
	x.Origin, x.Aim, x.Final, x.Complete = wire.OriginReplay, "", true, true
	if h.HTTP2() {
		if a.spoke {
			return &x, nil
		}
		return &x, &TargetError{t.Address, ErrNotHTTP2, nil}
	}
	return &x, c.understood([][]byte{a.raw}, &x)
}
