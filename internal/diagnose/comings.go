package diagnose

import (
	"strings"
	"time"

	"github.com/interlock-proxy/interlock/wire"
)

// A comer is a client at an endpoint: the host, whatever its port.
type comer struct {
	place
	host string
}

// clientOf names the client of an exchange: its host, and what a proxy says about whose request it forwards. It is empty
// if the client is not known, since the clients of one proxy are not one client.
func clientOf(x *wire.Exchange) string {
	const most = 64 // bytes of what a proxy says
	host := hostOf(x.Client)
	if host == "" {
		return ""
	}
	for _, name := range []string{"X-Forwarded-For", "X-Real-IP", "CF-Connecting-IP", "Forwarded"} {
		if value, ok := x.Request.Value(name); ok {
			value, _, _ = strings.Cut(value, ",")
			return host + " " + value[:min(len(value), most)]
		}
	}
	if x.Request.Has("Via") || x.Request.Has("X-Forwarded-Proto") {
		return ""
	}
	return host
}

// When a client that comes again and again is a storm.
const (
	stormCount  = 10
	stormWithin = 30 * time.Second
)

// comings are the last times that a client came and failed, one after the other.
type comings struct {
	id   string // of the last exchange
	last [stormCount]visit
	n    int // since it last came without failing, or while another connection was open
}

// A visit is a handshake that failed, or a tunnel that ended soon and badly.
type visit struct{ from, to time.Time }

// came records that a client came, and returns the storm that it belongs to.
func (t *Tunnels) came(who comer, v *View) *Storm {
	x := v.X
	c := t.comers[who]
	bad := failed(v)
	switch {
	case c == nil && !bad, x.Time.IsZero():
		return nil
	case c == nil:
		if t.comers == nil {
			t.comers = map[comer]*comings{}
		}
		for old := range t.comers {
			if len(t.comers) < maxComers {
				break
			}
			delete(t.comers, old)
		}
		c = new(comings)
		t.comers[who] = c
	case c.id == x.ID: // reported once more
		return c.storm()
	case !bad:
		delete(t.comers, who)
		return nil
	}
	this := visit{x.Time, x.Time.Add(x.Took)}
	if x.After.End != nil {
		this.to = this.to.Add(x.After.End.Open)
	}
	if c.n > 0 && this.from.Before(c.last[(c.n-1)%stormCount].to) {
		c.n = 0
	}
	c.id = x.ID
	c.last[c.n%stormCount] = this
	c.n++
	return c.storm()
}

// failed reports whether a client did not get what it came for: its handshake was rejected, or the
// other side soon ended its tunnel.
func failed(v *View) bool {
	const soon = 5 * time.Second
	x := v.X
	switch x.Outcome {
	case wire.Refused, wire.Redirected, wire.Ignored, wire.Closed, wire.Local:
		return x.Request.Offers("websocket") || x.Request.Has("Sec-WebSocket-Key")
	case wire.Switched:
		f := v.finish()
		return f.End != nil && f.Open < soon && (f.by == "the backend" && f.closer != "the client" || f.closer == "the backend")
	}
	return false
}

// storm returns the storm that the last visits are; nil if they are none.
func (c *comings) storm() *Storm {
	if c.n < stormCount {
		return nil
	}
	at := func(i int) visit { return c.last[(c.n+i)%stormCount] } // oldest first
	s := &Storm{Count: stormCount, Within: at(stormCount - 1).from.Sub(at(0).from)}
	var pauses [2]time.Duration // of the first and of the second half
	for i := range stormCount - 1 {
		pauses[2*i/stormCount] += at(i + 1).from.Sub(at(i).to)
	}
	s.Pause = (pauses[0] + pauses[1]) / (stormCount - 1)
	const jitter = 50 * time.Millisecond // of the pauses of a client that does not wait
	if s.Within > stormWithin || pauses[1] > 2*pauses[0]+jitter {
		return nil
	}
	return s
}
