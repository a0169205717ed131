package probe

import "github.com/interlock-proxy/interlock/wire"

// turns brings what came of the probes into the order in which they stood to be sent. Which of several ends first depends on
// the load, and what is reported of a run must not.
type turns struct {
	ids  []string                    // that are still to come
	came map[string][]*wire.Exchange // nil: the probe was given up
}

func newTurns(queue []*job) *turns {
	t := &turns{came: map[string][]*wire.Exchange{}}
	for _, j := range queue {
		t.ids = append(t.ids, j.probe.ID)
	}
	return t
}

// ended takes what came of a probe.
func (t *turns) ended(id string, x *wire.Exchange) { t.came[id] = append(t.came[id], x) }

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
