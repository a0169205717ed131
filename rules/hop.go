package rules

import "github.com/interlock-proxy/interlock/wire"

// far returns the exchange behind the hop; nil if there is none.
func (c *Case) far() *wire.Exchange {
	if c.X.Hop == nil {
		return nil
	}
	return c.X.Hop.Far
}

// farSwitched reports whether the server behind the hop answered with a 101.
func (c *Case) farSwitched() bool { return isSwitch(c.far()) }

// isSwitch reports whether an exchange has a 101.
func isSwitch(x *wire.Exchange) bool {
	return x != nil && x.Response != nil && x.Response.Status == 101
}
