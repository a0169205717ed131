package chain

import (
	"bytes"
	"slices"
)

// matching is what the sink does with a request that has no id that it knows, as a hop sends it that
// writes targets of its own.
type matching uint8

const (
	byID   matching = iota // it is no one's
	byTime                 // it is the one request that is under way
)

// match says how requests are matched from now on.
func (s *Sink) match(m matching) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.matching = m
}

// adds says that a connection to the hop is of this attempt.
func (p *part) adds(l *line) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lines = append(p.lines, l)
}

// underWay returns the id of the one request of the attempt that was sent, and neither has arrived nor is
// answered. It is empty if there is none, or if some are on several connections. The caller holds mu
// of the sink.
func (p *part) underWay() (id string) {
	for _, l := range p.lines {
		next := p.nextOn(l)
		switch {
		case next == "":
		case id != "":
			return ""
		default:
			id = next
		}
	}
	return id
}

// nextOn returns the id of the first request on a connection that neither has arrived nor is answered;
// empty if there is none. The caller holds mu of the sink.
func (p *part) nextOn(l *line) string {
	sent, in, over := l.both()
	finals, _ := responses(in, false, false)
	if over || len(finals) > 0 && finals[len(finals)-1].Status == 101 {
		return ""
	}
	at := map[string]int{}
	var ids []string
	for id, promise := range p.plans {
		if i := bytes.Index(sent, []byte(id)); promise.by == p && i >= 0 {
			at[id], ids = i, append(ids, id)
		}
	}
	slices.SortFunc(ids, func(a, b string) int { return at[a] - at[b] })
	for _, id := range ids[min(len(finals), len(ids)):] {
		if !slices.ContainsFunc(p.arrivals, func(a *arrival) bool { return a.id == id }) {
			return id
		}
	}
	return ""
}

// both returns all that was sent on a connection and all that came, and whether it has ended.
func (l *line) both() (sent, in []byte, over bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.events {
		if e.ours {
			sent = append(sent, e.bytes...)
		}
	}
	return sent, l.in, l.shut || l.end != ""
}
