package capture

// past remembers the connections that ended last: their late packets do not belong to connections
// from before the capture.
type past struct {
	last  [1 << 10]key
	next  int
	known map[key]int // how often a key is in last
}

func (p *past) add(k key) {
	if p.known == nil {
		p.known = map[key]int{}
	}
	old := p.last[p.next]
	if p.known[old]--; p.known[old] <= 0 {
		delete(p.known, old)
	}
	p.last[p.next] = k
	p.known[k]++
	p.next = (p.next + 1) % len(p.last)
}

func (p *past) has(k key) bool { return p.known[k] > 0 || p.known[k.reverse()] > 0 }
