package audit

import (
	"bytes"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// Agent begins the User-Agent of every probe: after it come the version, the run and the ID of the
// probe, as in interlock-probe/0.1 01J.../UPGRADE-POST.
const Agent = "interlock-probe/"

// markedProbe returns the ID of the probe that a live request says it is: one that another
// Interlock sent through an outer proxy. It is empty if the request names no known probe.
func markedProbe(q *wire.Request) string {
	for v := range q.Values("User-Agent") {
		agent := q.Text(v)
		if !bytes.HasPrefix(agent, []byte(Agent)) {
			continue
		}
		if p := rules.FindProbe(string(agent[bytes.LastIndexByte(agent, '/')+1:])); p != nil {
			return p.ID
		}
	}
	return ""
}

// asProbe is the exchange as that of a probe, if it says that it is one: it is none of the live
// traffic's. Who sent it knows of the controls, and Interlock here does not.
func asProbe(x *wire.Exchange) *wire.Exchange {
	if x.Origin != wire.OriginLive {
		return x
	}
	id := markedProbe(x.Request)
	if id == "" {
		return x
	}
	copied := *x
	copied.Origin, copied.Probe = wire.OriginProbe, id
	return &copied
}

// told records what the last run of probes at an endpoint reported, so that it is reported once.
type told struct {
	run string
	by  map[string]string // IDs of exchanges, by that of the rule
}

// first reports whether an exchange of a run is the first one at that endpoint to report a rule;
// from then on it is.
func (a *Audit) first(e *Endpoint, run, rule, exchange string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if e.told.by == nil || e.told.run != run {
		e.told = told{run, map[string]string{}}
	}
	if e.told.by[rule] == "" {
		e.told.by[rule] = exchange
	}
	return e.told.by[rule] == exchange
}
