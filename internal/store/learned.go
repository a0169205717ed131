package store

import "time"

// learned gathers the endpoints that a writer has seen. New ones are written with the next batch. Of
// those that it has written before only the count and the last target change, so they wait: with
// thousands of endpoints each batch would otherwise update nearly all of their rows. The lock of the
// writer protects it.
type learned struct {
	known   map[endpointKey]struct{} // written before; at most maxKnown
	waiting map[endpointKey]Endpoint
	fresh   int       // of the waiting ones are not known; at most maxLearned
	due     time.Time // when the waiting ones are written at the latest
}

// The limits of learned endpoints. Clients choose Host, so there may be any number of them.
const (
	maxLearned = 1000             // new ones in a batch
	maxKnown   = 4096             // ones whose counts can wait
	learnedFor = 10 * time.Second // how long counts wait
)

// add counts an endpoint.
func (l *learned) add(e Endpoint) {
	key := e.key()
	was, counted := l.waiting[key]
	if !counted {
		if _, known := l.known[key]; !known {
			if l.fresh == maxLearned {
				return
			}
			l.fresh++
		}
	}
	e.Count += was.Count
	put(&l.waiting, key, e)
}

// take returns what is to be written now: new endpoints, and all if it is time or if all is set. If
// some are left, wait is how long they may be.
func (l *learned) take(now time.Time, all bool) (endpoints map[endpointKey]Endpoint, wait time.Duration) {
	if len(l.waiting) == 0 {
		return nil, 0
	}
	if l.due.IsZero() {
		l.due = now.Add(learnedFor)
	}
	wait = l.due.Sub(now)
	switch {
	case all || wait <= 0:
		endpoints, l.waiting = l.waiting, nil
	case l.fresh > 0:
		for key, e := range l.waiting {
			if _, known := l.known[key]; !known {
				put(&endpoints, key, e)
				delete(l.waiting, key)
			}
		}
	}
	l.fresh = 0
	for key := range endpoints {
		if len(l.known) == maxKnown {
			break
		}
		put(&l.known, key, struct{}{})
	}
	if len(l.waiting) == 0 {
		l.due, wait = time.Time{}, 0
	}
	return endpoints, wait
}
