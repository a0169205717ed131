package audit

import (
	"hash/maphash"
	"net"
	"time"

	"github.com/interlock-proxy/interlock/wire"
)

// pairs finds the handshakes of a capture that a proxy has passed on while both of its sides were
// recorded: the same key on two connections to different addresses, at the same time. It remembers
// the last handshakes, at most maxKeys.
type pairs struct {
	seed  maphash.Seed
	sides map[uint64][]side // the last ones with a key, at most maxSides, by the key's hash
	order []uint64          // the keys' hashes, oldest first, as a ring
	next  int
}

// maxSides is how many handshakes with one key are remembered: requests on one connection end
// before those on the next do.
const maxSides = 4

// A side is a handshake on one side of a possible proxy.
type side struct {
	client, backend string
	from, to        time.Time // without an answer, to is the latest possible time
	answered        bool
	paired          bool
}

// paired reports whether x is the other side of a handshake that was observed before, and remembers
// it.
func (p *pairs) paired(x *wire.Exchange) bool {
	if x.Origin != wire.OriginFile || x.Client == "" {
		return false
	}
	key := ""
	for value := range x.Request.Values("Sec-WebSocket-Key") {
		key = string(x.Request.Text(value))
	}
	if key == "" {
		return false
	}
	now := side{client: x.Client, backend: x.Backend, from: x.Time, to: x.Time.Add(x.Took), answered: x.Took > 0}
	if !now.answered {
		now.to = x.Time.Add(wire.SilentAfter)
	}
	if p.sides == nil {
		p.seed, p.sides = maphash.MakeSeed(), map[uint64][]side{}
	}
	h := maphash.String(p.seed, key)
	before, known := p.sides[h]
	if !known {
		if len(p.order) < maxKeys {
			p.order = append(p.order, h)
		} else {
			delete(p.sides, p.order[p.next])
			p.order[p.next] = h
		}
		p.next = (p.next + 1) % maxKeys
	}
	// Without an answer the end of a handshake is unknown. Its pair must then be the only
	// candidate.
	for i := range before {
		if b := &before[i]; (b.answered || !b.paired) && b.overlaps(now) && b.elsewhere(now) {
			b.paired, now.paired = true, true
			break
		}
	}
	if len(before) == maxSides {
		before = append(before[:0], before[1:]...)
	}
	p.sides[h] = append(before, now)
	return now.paired
}

func (s side) overlaps(other side) bool { return !other.from.After(s.to) && !s.from.After(other.to) }

// elsewhere reports whether two connections lead to different addresses, or only the address of the
// client was translated.
func (s side) elsewhere(other side) bool {
	if s.backend != other.backend {
		return true
	}
	host, port, _ := net.SplitHostPort(s.client)
	otherHost, otherPort, _ := net.SplitHostPort(other.client)
	return host != otherHost && port == otherPort
}
