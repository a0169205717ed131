package diagnose

import (
	"time"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// Tunnels remembers how the tunnels of each endpoint ended, and how often clients came back. Its
// zero value is ready. It must not be used by two goroutines at the same time, and it keeps at most
// about 3 MB.
type Tunnels struct {
	places map[place]*endings
	comers map[comer]*comings
}

// The bounds of what is remembered.
const (
	maxPlaces  = 1000
	maxComers  = 2000
	maxEndings = 64 // of each endpoint
)

// A place is where tunnels lead to.
type place struct{ route, endpoint string }

// endings are the last tunnels of a place that have ended.
type endings struct {
	last [maxEndings]tunnelEnd
	n    int // how many there were in all
}

// A tunnelEnd is how a tunnel ended.
type tunnelEnd struct {
	idle, open time.Duration
	by         string // as in finish, if it ended without a Close frame; else empty
}

// Observe takes the ruling of an exchange, before its diagnoses are made, and returns what earlier
// exchanges say about it.
func (t *Tunnels) Observe(r *rules.Ruling) (seen Seen) {
	x := r.X
	if x.Origin.Ours() || x.Origin == wire.OriginReplay || !over(x) || x.Outcome == wire.Switched && x.After.End == nil {
		return Seen{}
	}
	v := newView(r)
	if f := v.finish(); f.End != nil {
		seen.Idle, seen.Life = t.ended(place{x.Route, r.Endpoint}, f)
	}
	if host := clientOf(x); host != "" {
		seen.Storm = t.came(comer{place{x.Route, r.Endpoint}, host}, &v)
	}
	return seen
}

// over reports whether nothing more is to be learned about when an exchange ended.
func over(x *wire.Exchange) bool { return x.Final || x.Complete && x.Outcome != wire.Switched }

func (t *Tunnels) ended(p place, f *finish) (idle, life *Cluster) {
	if t.places == nil {
		t.places = map[place]*endings{}
	}
	e := t.places[p]
	if e == nil {
		for old := range t.places {
			if len(t.places) < maxPlaces {
				break
			}
			delete(t.places, old)
		}
		e = new(endings)
		t.places[p] = e
	}
	this := tunnelEnd{idle: f.Idle, open: f.Open}
	if f.bare() {
		this.by = f.by
	}
	e.last[e.n%maxEndings] = this
	e.n++
	if this.by == "" {
		return nil, nil
	}
	if idle = e.cluster(this, func(t tunnelEnd) time.Duration { return t.idle }); idle != nil {
		return idle, nil
	}
	return nil, e.cluster(this, func(t tunnelEnd) time.Duration { return t.open })
}

// When tunnels that ended alike are a cluster.
const (
	leastTunnels = 5                      // as many ended after the same time
	leastTime    = 2 * time.Second        // which is a limit of so long, or a little less as seen from here
	leastWidth   = 300 * time.Millisecond // and the same to that, or to a hundredth
)

// cluster returns the tunnels that ended as this one did and after the same time, if that time is a
// limit: nearly no tunnel reached a longer one, and two of three that ended so ended then.
func (e *endings) cluster(this tunnelEnd, length func(tunnelEnd) time.Duration) *Cluster {
	at := length(this)
	if at < leastTime-leastWidth {
		return nil
	}
	width := max(leastWidth, at/100)
	c := &Cluster{Of: min(e.n, maxEndings)}
	shortest, longest, longer, shorter := at, at, 0, 0
	for _, t := range e.last[:c.Of] {
		switch l := length(t); {
		case l > at+width:
			longer++
		case t.by != this.by:
		case l < at-width:
			shorter++
		default:
			c.Count++
			shortest, longest = min(shortest, l), max(longest, l)
		}
	}
	if c.Count < leastTunnels || longer*10 > c.Count || shorter*2 > c.Count {
		return nil
	}
	c.At, c.Spread = (shortest+longest)/2, max((longest-shortest)/2, 50*time.Millisecond)
	return c
}

// Size returns how many endpoints and how many clients are remembered.
func (t *Tunnels) Size() (places, comers int) { return len(t.places), len(t.comers) }
