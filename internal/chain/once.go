package chain

import (
	"context"

	"github.com/interlock-proxy/interlock/wire"
)

// attempt returns an attempt that has not begun.
func (r *run) attempt(ctx context.Context, p *Probe) *attempt {
	return &attempt{ctx: ctx, hop: r.hop, sink: &part{Sink: r.sink}, canary: r.canary, times: r.settings.Times, probe: p, common: r.common, methods: map[*line]string{}}
}

// once makes an attempt. No other attempt has the floor when it begins.
func (r *run) once(t *attempt) *Result {
	r.canary.empty(0)
	before := r.sink.Dropped().Connections
	t.sink.begin()
	t.sink.empty(t.times.Empty)
	defer t.sink.end()
	defer t.clean()
	t.try(func() { t.probe.run(t) })
	if t.err != nil {
		t.nothing("it could not be sent")
	}
	if r.sink.Dropped().Connections > before {
		t.nothing("others sent so much to the sink that it dropped connections")
	}
	mixed := t.sink.isMixed()
	t.kept()
	x := *t.near
	for i := range t.seen {
		t.seen[i].Detail = string(masked([]byte(t.seen[i].Detail), t.hop.secrets()))
	}
	x.Hop = &wire.Hop{Name: x.Route, Far: t.far, Clock: true, Seen: t.seen}
	result := &Result{Probe: t.probe, Near: &x, Far: t.far, Number: t.number, Facts: t.was, err: t.err, mixed: mixed, guessed: t.guessed}
	r.judge(result)
	return result
}

// try runs what may end because the hop cannot be reached.
func (t *attempt) try(does func()) {
	defer func() {
		if e := recover(); e != nil {
			if _, ours := e.(unsent); !ours {
				panic(e)
			}
		}
	}()
	does()
}
