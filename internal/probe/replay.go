package probe

import (
	"context"

	"github.com/interlock-proxy/interlock/wire"
)

// Replay sends the base of a target once, as it is, and returns the exchange: it is no probe, and nothing is expected of
// it. A 101 is proved as that of a probe is. The error says why nothing could be sent, as that of [Run] does.
func Replay(ctx context.Context, t Target, s Settings) (*wire.Exchange, error) {
	c, err := newCaller(ctx, t, s)
	if err != nil {
		return nil, err
	}
	a := c.attempt(ctx, "", t.Base, c.settings.Head, true)
	if a.err != nil {
		return nil, a.err
	}
	x := *a.x
	x.Origin, x.Aim, x.Final, x.Complete = wire.OriginReplay, "", true, true
	return &x, nil
}
