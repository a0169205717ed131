package hop

import (
	"time"

	"github.com/interlock-proxy/interlock/rules"
)

// A pool holds the sightings of one side.
type pool struct {
	byID  map[string]*Sighting
	lone  map[string]map[*Sighting]struct{} // those without their other side, by key and by path
	queue []*Sighting                       // those, oldest first; paired and forgotten ones are skipped
}

// add remembers an exchange, in the place of the oldest ones without their other side if there is no
// room. It returns nil if there is none.
func (l *Live) add(p *pool, r *rules.Ruling, now time.Time) *Sighting {
	size := r.Bytes()
	for l.bytes+size > l.Bytes {
		if !l.makeRoom() {
			return nil
		}
	}
	if p.byID == nil {
		p.byID, p.lone = map[string]*Sighting{}, map[string]map[*Sighting]struct{}{}
	}
	s := &Sighting{Ruling: r, at: now, names: names(r)}
	p.byID[r.X.ID] = s
	p.queue = append(p.queue, s)
	for _, name := range s.names {
		if p.lone[name] == nil {
			p.lone[name] = map[*Sighting]struct{}{}
		}
		p.lone[name][s] = struct{}{}
	}
	return s
}

// names are what an exchange can be recognized by: its path, and its key if it has one.
func names(r *rules.Ruling) []string {
	all := []string{"path " + path(r)}
	if k := key(r); k != "" {
		all = append(all, "key "+k)
	}
	return all
}

// makeRoom forgets the oldest exchange without its other side.
func (l *Live) makeRoom() bool {
	var oldest *Sighting
	from := &l.near
	for _, p := range [...]*pool{&l.near, &l.far} {
		for len(p.queue) > 0 && (p.queue[0].gone || p.queue[0].Other != nil) {
			p.queue[0] = nil
			p.queue = p.queue[1:]
		}
		if len(p.queue) > 0 && (oldest == nil || p.queue[0].at.Before(oldest.at)) {
			oldest, from = p.queue[0], p
		}
	}
	if oldest == nil {
		return false
	}
	if from == &l.near {
		l.count(&l.counts.Shed, oldest.Ruling)
	}
	l.forget(from, oldest)
	return true
}

// compact removes from the queue of the far side what is paired, forgotten or too old, wherever it is.
func (l *Live) compact(now time.Time) {
	kept := l.far.queue[:0]
	for _, s := range l.far.queue {
		switch {
		case s.gone || s.Other != nil:
		case now.Sub(s.at) > l.Keep:
			l.forget(&l.far, s)
		default:
			kept = append(kept, s)
		}
	}
	clear(l.far.queue[len(kept):])
	l.far.queue = kept
}

// count counts an exchange of the near side. One that was forgotten is looked for again at its next
// report, and is not counted again then.
func (l *Live) count(n *int64, r *rules.Ruling) {
	if _, counted := l.counted[r.X.ID]; !counted {
		*n++
	}
	if r.X.Final {
		delete(l.counted, r.X.ID)
		return
	}
	if l.counted == nil {
		l.counted = map[string]struct{}{}
	}
	l.counted[r.X.ID] = struct{}{}
}

func (l *Live) forget(p *pool, s *Sighting) {
	if s.gone {
		return
	}
	s.gone = true
	l.bytes -= s.size
	delete(p.byID, s.Ruling.X.ID)
	l.settled(p, s)
}

// settled removes a sighting from those that are looked for.
func (l *Live) settled(p *pool, s *Sighting) {
	for _, name := range s.names {
		delete(p.lone[name], s)
		if len(p.lone[name]) == 0 {
			delete(p.lone, name)
		}
	}
}

// match returns the one exchange of the far side that can be the other side of one of the near side,
// and of no other one.
func (l *Live) match(s *Sighting, byTarget bool) *Sighting {
	if len(s.names) > 1 {
		if f := l.lonely(s, s.names[1]); f != nil {
			return f
		}
	}
	if !byTarget {
		return nil
	}
	if f := l.lonely(s, s.names[0]); f != nil && (len(s.names) == 1 || len(f.names) == 1) {
		return f // two keys that differ are of two exchanges
	}
	return nil
}

func (l *Live) lonely(s *Sighting, name string) *Sighting {
	f := l.among(s, l.far.lone[name])
	if f == nil || l.among(f, l.near.lone[name]) != s {
		return nil
	}
	return f
}

// maxAmong is how many exchanges of one key or path are compared: of more, it is not known which is
// which.
const maxAmong = 64

// among returns the only sighting of some that began at the same time as another one, as far as clocks
// tell; nil if there is none, or more than one.
func (l *Live) among(s *Sighting, all map[*Sighting]struct{}) (found *Sighting) {
	if len(all) > maxAmong {
		return nil
	}
	for f := range all {
		if f.Ruling.X.Time.Sub(s.Ruling.X.Time).Abs() > l.Within {
			continue
		}
		if found != nil {
			return nil
		}
		found = f
	}
	return found
}
