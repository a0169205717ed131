package audit

import (
	"container/list"
	"sync"
	"sync/atomic"
	"time"

	"github.com/interlock-proxy/interlock/internal/diagnose"
	"github.com/interlock-proxy/interlock/internal/event"
	"github.com/interlock-proxy/interlock/internal/hop"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// An Audit judges exchanges and counts what it finds. Its exported fields must not be changed after
// the first call of Observe. All methods are safe for concurrent use.
type Audit struct {
	Options  rules.Options
	Routes   map[string]*rules.Options // the options of routes that have their own, by name
	Instance string                    // which Interlock this is; part of every ruling
	Emit     func(event.Event)         // gets events for the log; must not block; may be nil
	Bounds   Bounds
	Each     func(*rules.Ruling) // gets every ruling after it is counted; must not block; may be nil

	// State sets the states of the findings of a ruling before anyone else gets it. It may be nil
	// and must not block.
	State func(*rules.Ruling)

	Hops *Hops // compares both sides of proxies; nil: nothing is compared

	configured atomic.Pointer[options] // nil: the fields apply

	// Store gets each unsafe ruling before it is logged. It calls then once: when the ruling is
	// stored, or when that takes too long. If Store is nil, the ruling is logged at once. It must
	// not block.
	Store func(r *rules.Ruling, then func(stored bool))

	mu        sync.Mutex
	open      map[string]*rules.Before // exchanges that will be reported again, by ID
	findings  map[rules.Key]*Finding
	endpoints map[string]*route
	evidence  int64                        // bytes
	learned   map[learnedKey]*list.Element // of lessons
	lessons   list.List                    // of *Learned, least recently seen first
	protected map[protectedKey]*protected
	keys      keys
	pairs     pairs
	tunnels   diagnose.Tunnels
	memory    rules.Memory
	spare     sync.Pool     // of *rules.Ruling
	seen      rules.History // see history; never changed once it is set
	sums      Sums
	probes    Sums
	shedAt    time.Time // when shedding was logged last
}

// Bounds limit the memory of an [Audit] beside its counts. The default of a zero field is in its
// comment.
type Bounds struct {
	Evidence  int64 // bytes of exchanges in all; 64 MiB
	First     int   // exchanges of each finding, from the beginning; 3
	Last      int   // and from the end; 3
	Endpoints int   // distinct templates per route; 1,000
}

func (b Bounds) withDefaults() Bounds {
	if b.Evidence <= 0 {
		b.Evidence = 64 << 20
	}
	if b.First <= 0 {
		b.First = 3
	}
	if b.Last <= 0 {
		b.Last = 3
	}
	if b.Endpoints <= 0 {
		b.Endpoints = 1000
	}
	return b
}

// Sums count everything that was observed.
type Sums struct {
	Verdicts   [rules.NotApplicable + 1]int64 // exchanges by their worst finding
	Unsafe     int64                          // exchanges in which the server switched and must not have
	Advertised int64                          // responses that repeat an advertisement of their endpoint
	Paired     int64                          // exchanges of a capture that were also recorded on the other side of a proxy
	Shed       int64                          // exchanges that could not be kept as evidence
}

// Observe judges one report of an exchange, counts its findings and logs it. It keeps x. Probes are
// counted separately and do not become history of live traffic.
func (a *Audit) Observe(x *wire.Exchange) { a.Enter(x, "") }

// Enter is Observe for an exchange of a run. It returns the ruling, or nil if the exchange repeats
// what is known or is the head of a switch that is reported again soon.
func (a *Audit) Enter(x *wire.Exchange, run string) *rules.Ruling {
	x = asProbe(x)
	endpoint := rules.EndpointOf(x)
	side := a.Hops.side(x)
	if side == hop.NearTo {
		a.Hops.mu.Lock()
		defer a.Hops.mu.Unlock()
	}
	a.mu.Lock()
	a.start()
	e := a.endpoint(x.Route, endpoint)
	if !x.Origin.Ours() && a.advertisedBefore(e, x) {
		a.sums.Advertised++
		a.mu.Unlock()
		return nil
	}
	name := e.Template
	c, relayed := a.caseOf(x, endpoint, side)
	a.mu.Unlock()
	if x.Origin.Ours() {
		c.Seen.First = func(rule string) bool { return a.first(e, run, rule, x.ID) }
	}
	if early(x) && !a.unsafe(c) {
		return nil
	}
	ruling := rules.Classify(c)
	if relayed {
		ruling.LeaveClient(c)
	}
	ruling.Endpoint, ruling.Instance, ruling.Run = name, a.Instance, run
	ruling.Diagnoses = a.diagnoses(ruling)
	switch side {
	case hop.NearTo:
		ruling = a.Hops.near(a, ruling)
	case hop.FarFrom:
		a.Hops.far(ruling)
	}
	if a.State != nil {
		a.State(ruling)
	}

	a.mu.Lock()
	lines := a.enter(e, ruling)
	a.mu.Unlock()
	a.tell(ruling, lines)
	if a.Each != nil {
		a.Each(ruling)
	}
	if side == hop.NearTo {
		a.Hops.told(ruling)
	}
	return ruling
}

// caseOf returns the case of an exchange, and whether its client is a proxy whose own clients are judged
// elsewhere. The lock is held.
func (a *Audit) caseOf(x *wire.Exchange, endpoint string, side hop.Side) (c rules.Case, relayed bool) {
	c, relayed = rules.Case{X: x, Options: a.OptionsOf(x.Route), Seen: a.seen, Endpoint: endpoint, Memory: &a.memory}, side == hop.FarFrom
	if a.pairs.paired(x) {
		a.sums.Paired++
		relayed = true
	}
	if relayed {
		c.Seen.KeySeen = nil
	}
	return c, relayed
}

// diagnoses explains an exchange, also by those before it.
func (a *Audit) diagnoses(r *rules.Ruling) []rules.Diagnosis {
	a.mu.Lock()
	seen := a.tunnels.Observe(r)
	a.mu.Unlock()
	return diagnose.OfSeen(r, seen)
}

// history answers the rules' questions about earlier exchanges.
func (a *Audit) history() rules.History {
	return rules.History{Advertised: a.advertises, Switches: a.switches, KeySeen: a.keySeen, Crossed: a.crossed, Cookies: a.hasCookies, Carries: a.carries}
}

// early reports whether an exchange is the head of a switch that is reported again soon, with what
// followed.
func early(x *wire.Exchange) bool {
	return x.Revision == 0 && !x.Complete && !x.Final && x.Outcome == wire.Switched && x.Origin == wire.OriginLive
}

// unsafe reports whether the server made an unsafe switch, as far as the case shows. It remembers
// nothing.
func (a *Audit) unsafe(c rules.Case) (unsafe bool) {
	a.unsafeRules(c, func(r *rules.Ruling) { unsafe = r.Unsafe })
	return unsafe
}

// unsafeRules applies the rules that can make a switch unsafe. The ruling is valid during look.
func (a *Audit) unsafeRules(c rules.Case, look func(*rules.Ruling)) {
	ruling, _ := a.spare.Get().(*rules.Ruling)
	if ruling == nil {
		ruling = &rules.Ruling{}
	}
	rules.Unsafe(ruling, c)
	look(ruling)
	clear(ruling.Findings)
	ruling.X = nil
	a.spare.Put(ruling)
}

func (a *Audit) start() {
	if a.findings == nil {
		a.Bounds = a.Bounds.withDefaults()
		a.open, a.findings, a.endpoints = map[string]*rules.Before{}, map[rules.Key]*Finding{}, map[string]*route{}
		a.learned, a.protected = map[learnedKey]*list.Element{}, map[protectedKey]*protected{}
		a.seen = a.history()
	}
}

// enter counts a ruling and returns the lines to log. The lock is held.
func (a *Audit) enter(e *Endpoint, ruling *rules.Ruling) (lines lines) {
	x, sums := ruling.X, &a.sums
	if x.Origin.Ours() {
		sums = &a.probes
	}
	was := a.open[x.ID]
	if was == nil {
		was = ruling.Before // of an exchange that is judged once more after its end
	}
	ruling.Before = was
	if ruling.Unsafe && (was == nil || !was.Unsafe) {
		lines.unsafe = true
		sums.Unsafe++
	}
	if lines.shed = a.record(ruling); lines.shed {
		sums.Shed++
	}
	if x.Complete {
		if was != nil && was.Judged {
			sums.Verdicts[was.Verdict]--
			lines.amended = ruling.Verdict < was.Verdict || ruling.Adds(was)
		} else {
			lines.exchange = true
			if x.Origin.Ours() {
				e.tried(x)
			} else {
				e.judged(x, a.OptionsOf(x.Route))
				a.learn(ruling)
			}
		}
		sums.Verdicts[ruling.Verdict]++
	}
	lines.closed = x.Final && x.Outcome == wire.Switched && (was == nil || !was.Final)
	if x.Final {
		delete(a.open, x.ID)
	} else {
		a.open[x.ID] = was.Then(ruling)
	}
	return lines
}

// Sums returns the counts of live and recorded traffic so far.
func (a *Audit) Sums() Sums {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.sums
}

// Probes returns the counts of probes so far.
func (a *Audit) Probes() Sums {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.probes
}
