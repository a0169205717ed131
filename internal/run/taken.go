package run

import (
	"maps"
	"slices"
	"sync"

	"github.com/interlock-proxy/interlock/internal/server"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// taken sums up the rulings of a run for its exit status. Its lock also guards the reports.
type taken struct {
	mu      sync.Mutex
	pending map[string]*rules.Ruling // exchanges of the command that are not over, by ID, and those that wait for their other side
	probing *probed                  // the site that is being probed; nil while the command runs
	gated   int                      // findings that make the run fail
	asked   int                      // exchanges of the command in which an upgrade was offered, or made
	local   int                      // those of them that did not reach the backend
}

// maxPending is how many exchanges wait for their other side until the command has ended.
const maxPending = 20_000

// entered takes a ruling. Those on the command's traffic come several times, and are written in their last form.
func (t *Run) entered(r *rules.Ruling) {
	t.taken.mu.Lock()
	defer t.taken.mu.Unlock()
	mine := *r
	mine.Run = t.Run
	_, held := t.taken.pending[r.X.ID]
	switch {
	case t.taken.probing != nil:
		t.takeProbe(&mine)
	case !held && r.Before != nil && r.Before.Final: // the reports have it without its other side
	case r.X.Final && !(t.hops.Near(r.X) && len(t.taken.pending) < maxPending):
		delete(t.taken.pending, r.X.ID)
		t.take(&mine)
	default:
		if t.taken.pending == nil {
			t.taken.pending = map[string]*rules.Ruling{}
		}
		t.taken.pending[r.X.ID] = &mine
	}
}

// settle writes the exchanges that were open when the relay ended.
func (t *Run) settle() {
	t.taken.mu.Lock()
	defer t.taken.mu.Unlock()
	rest := slices.SortedFunc(maps.Values(t.taken.pending), func(a, b *rules.Ruling) int { return a.X.Time.Compare(b.X.Time) })
	for _, r := range rest {
		t.take(r)
	}
	t.taken.pending = nil
}

// take writes a ruling on the command's traffic. The lock is held.
func (t *Run) take(r *rules.Ruling) {
	if x := r.X; x.Outcome == wire.Switched || len(x.Request.Protocols()) > 0 {
		if t.taken.asked++; x.Outcome == wire.Local {
			t.taken.local++
		}
	}
	t.write(r)
}

// takeProbe writes a ruling on a probe. The lock is held.
func (t *Run) takeProbe(r *rules.Ruling) {
	if server.IsNoResult(r) {
		return
	}
	p := t.taken.probing
	p.verdicts[r.Verdict]++
	if q := rules.FindProbe(r.X.Probe); t.Gate.Tells(r) && (q == nil || q.Control != rules.HTTP2Plain) {
		p.conclusive++
	}
	t.write(r)
}

// write hands a ruling on to the reports. The lock is held.
func (t *Run) write(r *rules.Ruling) {
	r = t.Accepting.enter(r)
	for i := range r.Findings {
		if t.Gate.Holds(&r.Findings[i]) {
			t.taken.gated++
		}
	}
	t.kept.write(r)
	t.reports.Stream.Write(r)
	t.reports.Pass()
}
