package probe

import "github.com/interlock-proxy/interlock/wire"

// turns puts the results of the probes into the order in which they were queued. Which of several
// ends first depends on the load, but the report of a run must not.
type turns struct {
	ids  []string                    // that are still to come; with the target, because a probe may have several
	came map[string][]*wire.Exchange // nil: the probe was given up
}

func newTurns(queue []*job) *turns {
	t := &turns{came: map[string][]*wire.Exchange{}}
	for _, j := range queue {
		t.ids = append(t.ids, turnOf(j.probe.ID, j.base.aim))
	}
	return t
}

// ended records the result of a probe.
func (t *turns) ended(id, aim string, x *wire.Exchange) {
	id = turnOf(id, aim)
	t.came[id] = append(t.came[id], x)
}

func turnOf(id, aim string) string { return id + " " + aim }

// next are the exchanges whose turn it is, each once.
func (t *turns) next() (all []*wire.Exchange) {
	for len(t.ids) > 0 && len(t.came[t.ids[0]]) > 0 {
		came := t.came[t.ids[0]]
		if came[0] != nil {
			all = append(all, came[0])
		}
		t.came[t.ids[0]], t.ids = came[1:], t.ids[1:]
	}
	return all
}
