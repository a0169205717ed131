package wire

import "sync"

// A Pool lends the memory that a connection needs only while something is under way, so that connections at rest hold
// none. Its zero value is ready; many connections may share one, at the same time. A nil Pool lends new memory each time.
type Pool struct{ heads, rings, readings sync.Pool }

// headBuffer is the part of a head that has come so far.
type headBuffer struct {
	bytes []byte
	line  int // where the line begins that has not ended yet
	seen  int // how far it has been searched for its end
	start startLine
}

func (p *Pool) head() *headBuffer {
	if p != nil {
		if b, ok := p.heads.Get().(*headBuffer); ok {
			return b
		}
	}
	return &headBuffer{bytes: make([]byte, 0, 2<<10)}
}

func (p *Pool) putHead(b *headBuffer) {
	if p == nil || cap(b.bytes) > 16<<10 {
		return // one long head shall not be paid for ever
	}
	*b = headBuffer{bytes: b.bytes[:0]}
	p.heads.Put(b)
}

func (p *Pool) ring() *ring {
	if p != nil {
		if r, ok := p.rings.Get().(*ring); ok {
			return r
		}
	}
	return &ring{bytes: make([]byte, 0, 2<<10), queue: make([]pending, 0, 4)}
}

func (p *Pool) putRing(r *ring) {
	if p == nil || cap(r.bytes) > 16<<10 || cap(r.queue) > 64 {
		return
	}
	clear(r.queue[:cap(r.queue)])
	*r = ring{bytes: r.bytes[:0], queue: r.queue[:0], request: r.request.spare(), response: r.response.spare()}
	p.rings.Put(r)
}

func (p *Pool) reading() *reading {
	if p != nil {
		if r, ok := p.readings.Get().(*reading); ok {
			return r
		}
	}
	return new(reading)
}

func (p *Pool) putReading(r *reading) {
	if p != nil {
		*r = reading{}
		p.readings.Put(r)
	}
}
