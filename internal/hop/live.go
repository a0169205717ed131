package hop

import (
	"time"

	"github.com/interlock-proxy/interlock/rules"
)

// A Side is a side of a hop.
type Side uint8

// The sides.
const (
	NoSide  Side = iota
	NearTo       // before the hop, seen from the client
	FarFrom      // after it
)

// Live pairs the exchanges of both sides of a hop while they are reported. It remembers exchanges
// within bounds. Its exported fields must not be changed after its first use. Its methods are not
// safe for concurrent use.
type Live struct {
	Within time.Duration // by how much the beginnings of both sides may differ
	Settle time.Duration // how long an exchange waits for others that may be its other side too
	Keep   time.Duration // how long it waits for its other side at all
	Bytes  int64         // limit of all exchanges

	near, far pool
	bytes     int64
	due       []*Sighting // near ones whose pair is to be judged
	over      []*Sighting // near ones whose pair may be complete
	counts    Counts
	counted   map[string]struct{} // IDs of the near side that are counted and may be reported again: as many as are open

	done  map[string]struct{} // IDs of the far side whose pair is complete: a store may return them again
	dates []dated             // of those, oldest first
}

// dated is an ID, and since when nothing more is expected of it.
type dated struct {
	id string
	at time.Time
}

// maxDone is how many complete pairs are remembered.
const maxDone = 100_000

// Counts are the exchanges of the near side by what became of them first, each once.
type Counts struct {
	Paired int64
	Alone  int64 // the far side has none, or several that may be it
	Shed   int64 // there was no room to remember them
}

// A Sighting is an exchange as one side has reported it last.
type Sighting struct {
	Ruling  *rules.Ruling
	Blanked bool          // it comes from a store, where payload and secrets are blanked out
	Other   *Sighting     // the same exchange on the other side; nil until it is found
	Amended int           // how often the ruling was amended by what the other side saw
	Before  *rules.Before // the result as of the last report or amendment

	at      time.Time // when it was reported first
	final   time.Time // when it was reported for the last time; zero: it goes on
	size    int64
	names   []string
	waiting bool // it is to be judged
	gone    bool // it is forgotten
}

// Near takes a report of an exchange on the near side. Only a complete one can be paired.
func (l *Live) Near(r *rules.Ruling, now time.Time) *Sighting { return l.take(&l.near, r, now) }

// Far takes a report of an exchange on the far side. It may come from a store, where payload and secrets
// are blanked out.
func (l *Live) Far(r *rules.Ruling, blanked bool, now time.Time) {
	s := l.take(&l.far, r, now)
	if s == nil {
		return
	}
	s.Blanked = blanked
	if s.Other != nil {
		l.changed(s.Other)
	}
}

// Known returns the sighting of an exchange of the near side; nil if there is none.
func (l *Live) Known(id string) *Sighting { return l.near.byID[id] }

// Has reports whether everything about an exchange of the far side is known.
func (l *Live) Has(id string) bool {
	_, done := l.done[id]
	s := l.far.byID[id]
	return done || s != nil && !s.final.IsZero()
}

// Counts returns the counts so far.
func (l *Live) Counts() Counts { return l.counts }

// Waits reports whether there is something to do: an exchange waits for its other side or for the end of
// that one, or is to be judged. Open tunnels wait for nothing.
func (l *Live) Waits() bool { return len(l.near.queue)+len(l.due)+len(l.over) > 0 }

func (l *Live) take(p *pool, r *rules.Ruling, now time.Time) *Sighting {
	s := p.byID[r.X.ID]
	if s == nil {
		if _, done := l.done[r.X.ID]; done && p == &l.far || !r.X.Complete {
			return nil
		}
		if s = l.add(p, r, now); s == nil {
			if p == &l.near {
				l.count(&l.counts.Shed, r)
			}
			return nil
		}
	} else if r.X.Revision < s.Ruling.X.Revision || p == &l.far && r.X.Revision == s.Ruling.X.Revision {
		return nil
	}
	size := r.Bytes()
	l.bytes += size - s.size
	s.Ruling, s.size = r, size
	if r.X.Final && s.final.IsZero() {
		s.final = now
		if s.Other != nil && p == &l.near { // who reports it has judged it with its other side
			l.over = append(l.over, s)
		}
	}
	return s
}

// changed records that a pair is to be judged.
func (l *Live) changed(s *Sighting) {
	if !s.waiting {
		s.waiting = true
		l.due = append(l.due, s)
	}
}

// Due pairs what can be paired, and returns the sightings of the near side whose pair is new or has
// changed since they were returned before. The last time, nothing waits any longer.
func (l *Live) Due(now time.Time, last bool) []*Sighting {
	l.complete(now)
	kept := l.near.queue[:0]
	for _, s := range l.near.queue {
		if s.gone || s.Other != nil {
			continue
		}
		age := now.Sub(s.at)
		f := (*Sighting)(nil)
		if last || age >= l.Settle {
			f = l.match(s, last || age >= l.Settle+2*l.Within)
		}
		switch {
		case f != nil:
			s.Other, f.Other = f, s
			l.settled(&l.near, s)
			l.settled(&l.far, f)
			l.count(&l.counts.Paired, s.Ruling)
			l.changed(s)
		case last || age > l.Keep:
			l.count(&l.counts.Alone, s.Ruling)
			l.forget(&l.near, s)
		default:
			kept = append(kept, s)
		}
	}
	clear(l.near.queue[len(kept):])
	l.near.queue = kept
	l.compact(now)
	due := l.due
	l.due = nil
	for _, s := range due {
		s.waiting = false
	}
	l.over = append(l.over, due...)
	return due
}

// complete forgets the pairs of which nothing more is to be expected.
func (l *Live) complete(now time.Time) {
	kept := l.over[:0]
	for _, s := range l.over {
		switch ended := !s.final.IsZero(); {
		case s.gone || s.waiting:
		case ended && (!s.Other.final.IsZero() || now.Sub(s.final) > l.Keep):
			delete(l.counted, s.Ruling.X.ID)
			l.forget(&l.near, s)
			l.forget(&l.far, s.Other)
			l.finish(s.Other.Ruling.X.ID, now)
		case ended:
			kept = append(kept, s)
		}
	}
	clear(l.over[len(kept):])
	l.over = kept
}

// finish remembers a complete pair by the ID of its far side.
func (l *Live) finish(id string, now time.Time) {
	if l.done == nil {
		l.done = map[string]struct{}{}
	}
	l.done[id] = struct{}{}
	l.dates = append(l.dates, dated{id, now})
	for len(l.dates) > maxDone || now.Sub(l.dates[0].at) > 2*l.Keep {
		delete(l.done, l.dates[0].id)
		l.dates = l.dates[1:]
	}
}

// Since returns when the first of the exchanges began that look for their other side, and were reported
// after a time. It is zero if there is none.
func (l *Live) Since(reported time.Time) (since time.Time) {
	for _, s := range l.near.queue {
		if at := s.Ruling.X.Time; !s.gone && s.Other == nil && s.at.After(reported) && (since.IsZero() || at.Before(since)) {
			since = at
		}
	}
	return since
}

// Open returns the IDs of exchanges of the far side that go on although their other side has ended, at
// most that many.
func (l *Live) Open(most int) (ids []string) {
	for _, s := range l.over {
		if !s.gone && s.Other != nil && s.Other.final.IsZero() && !s.final.IsZero() && len(ids) < most {
			ids = append(ids, s.Other.Ruling.X.ID)
		}
	}
	return ids
}
