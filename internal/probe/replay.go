package probe

import (
	"context"

	"github.com/interlock-proxy/interlock/wire"
)

// Replay sends the base of a target once and returns the exchange. It is not a probe, so no
// particular answer is expected. A tunnel is tested as after a probe. The error says why nothing
// could be sent, as in [Run].
func Replay(ctx context.Context, t Target, s Settings) (*wire.Exchange, error) {
	c, err := newCaller(ctx, t, s)
	if err != nil {
		return nil, err
	}
	return c.replay(ctx)
}

func (c *caller) replay(ctx context.Context) (*wire.Exchange, error) {
	a := c.attempt(ctx, "", c.target.Base, c.settings.Head, true)
	if a.err != nil {
		return nil, a.err
	}
	x := *a.x
	x.Origin, x.Aim, x.Final, x.Complete = wire.OriginReplay, "", true, true
	return &x, nil
}
