package proxy

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/wire"
)

// A line is one direction of a connection: what its speaker sends, and how it ends.
type line struct {
	says  []byte
	stops syscall.Errno // 0: FIN after everything is sent; otherwise this error at any point
}

// carried checks a run against the simplest relay. Each listener gets everything, then EOF. If a
// direction ends with an error, both listeners get a prefix of the data and an end.
func carried(lines [2]line, heard [2][]byte, told [2]string) error {
	broken := lines[0].stops != 0 || lines[1].stops != 0
	for d, l := range lines {
		if !bytes.HasPrefix(l.says, heard[d]) {
			return fmt.Errorf("of %q, direction %d heard %q", l.says, d, heard[d])
		}
		if told[d] == "" {
			return fmt.Errorf("direction %d does not end", d)
		}
		if !broken && (len(heard[d]) != len(l.says) || told[d] == "reset") {
			return fmt.Errorf("of %q, direction %d heard %q and %q", l.says, d, heard[d], told[d])
		}
	}
	return nil
}

// A schedule plays a session and picks each next event at random from those that are possible.
type schedule struct {
	*stand
	lot     *rand.Rand
	lines   [2]line
	sent    [2]int      // bytes that the driver has read
	after   [2][]int    // pairs: the offset where a speaker waits, and how many bytes it must have heard to go on
	waiting [2][][]byte // bytes to be written
	heard   [2][]byte
	told    [2]string
	dialled bool
	dials   bool
	ended   [2]bool // the driver has read EOF
	over    bool
	current *routeTable // the routes of new connections
	trace   []string
}

// perform carries out an action, after checking that the session may request it at this point.
func (p *schedule) perform(a action, input string) {
	p.trace = append(p.trace, fmt.Sprintf("%s: %08b %d %d", input, a.also, len(a.write[0]), len(a.write[1])))
	if p.over && (a.also != 0 || len(a.write[0])+len(a.write[1]) > 0) {
		panic("something is done after the end")
	}
	if a.also&dialBackend != 0 {
		if p.dials {
			panic("it dials twice")
		}
		p.dials = true
	}
	for d, b := range a.write {
		if len(b) > 0 {
			if p.told[d] != "" {
				panic("something is written after the end of a direction")
			}
			p.waiting[d] = append(p.waiting[d], bytes.Clone(b))
		}
	}
	for d := range wire.Direction(2) {
		switch {
		case a.also&resetting(d) != 0:
			p.told[d] = "reset"
		case a.also&finishing(d) != 0:
			if p.told[d] != "" || len(p.waiting[d]) > 0 {
				panic("a direction ends twice, or before its last byte")
			}
			p.told[d] = "finish"
		}
	}
	if a.also&(hangUp|closeBoth) != 0 {
		p.waiting[wire.FromClient], p.told[wire.FromClient] = nil, or(p.told[wire.FromClient], "close")
	}
	if a.also&closeBoth != 0 {
		p.told[wire.FromServer], p.over = or(p.told[wire.FromServer], "close"), true
	}
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// may returns the number of bytes that a speaker can send at this point.
func (p *schedule) may(d wire.Direction) int {
	free := len(p.lines[d].says)
	for i := 0; i < len(p.after[d]); i += 2 {
		if at, needs := p.after[d][i], p.after[d][i+1]; len(p.heard[1-d]) < needs {
			free = min(free, at)
		}
	}
	return free - p.sent[d]
}

// step applies one random input. It returns false if none is possible.
func (p *schedule) step() bool {
	type input struct {
		name string
		do   func() action
	}
	var all []input
	add := func(name string, do func() action) { all = append(all, input{name, do}) }
	if p.dials && !p.dialled {
		add("connects", func() action { p.dialled = true; return p.session.dialled("192.0.2.1:80", 0, nil, p.now) })
	}
	for d := range wire.Direction(2) {
		early := d == wire.FromClient && p.dialled && !p.ended[d] && p.lot.IntN(4) == 0 // a read may complete before the session asks for it
		if (p.wants(d) || early) && (d == wire.FromClient || p.dialled) {
			switch free := p.may(d); {
			case p.lines[d].stops != 0 && p.lot.IntN(20) == 0:
				add("breaks", func() action { p.ended[d] = true; return p.broke(d, p.lines[d].stops, p.now) })
			case free > 0:
				add("says", func() action { return p.say(d, 1+p.lot.IntN(free)) })
			case p.sent[d] == len(p.lines[d].says):
				add("ends", func() action { p.ended[d] = true; return p.session.ended(d, p.now) })
			}
		}
		if len(p.waiting[d]) > 0 && (d == wire.FromServer || p.dialled) {
			add("takes", func() action { return p.take(d) })
		}
	}
	if len(all) == 0 {
		return false
	}
	if p.lot.IntN(10) == 0 { // a spurious wakeup, an early tick, or new routes for other connections
		p.now = p.now.Add(time.Duration(p.lot.IntN(int(time.Second))))
		p.current = newRouteTable(To("203.0.113.9:80"), nil, nil)
		p.perform(p.tick(p.now), "tick")
		return true
	}
	next := all[p.lot.IntN(len(all))]
	p.perform(next.do(), next.name)
	return true
}

// say has the driver read n bytes into memory that is reused.
func (p *schedule) say(d wire.Direction, n int) action {
	b := bytes.Clone(p.lines[d].says[p.sent[d] : p.sent[d]+n])
	p.sent[d] += n
	a := p.read(d, b, p.now)
	for e := range a.write {
		a.write[e] = bytes.Clone(a.write[e])
	}
	for i := range b {
		b[i] = '#'
	}
	return a
}

// take has a socket accept some of the waiting bytes, mostly few.
func (p *schedule) take(d wire.Direction) action {
	b := p.waiting[d][0]
	n := 1 + p.lot.IntN(len(b))
	if p.lot.IntN(3) == 0 {
		n = min(n, 3)
	}
	p.heard[d] = append(p.heard[d], b[:n]...)
	if p.waiting[d][0] = b[n:]; n == len(b) {
		p.waiting[d] = p.waiting[d][1:]
	}
	return p.wrote(d, n, p.now)
}

// script returns what the two sides send: rejected and accepted offers, bodies, pipelined requests,
// and bytes that are not HTTP. Requests wait for nothing, each response waits for its request, and
// tunnel data waits for the switch.
func script(lot *rand.Rand, readable bool) (lines [2]line, after [2][]int) {
	say := func(d wire.Direction, text string) {
		if d == wire.FromServer || text != "" && lot.IntN(3) == 0 {
			after[d] = append(after[d], len(lines[d].says), len(lines[1-d].says))
		}
		lines[d].says = append(lines[d].says, text...)
	}
	body := strings.Repeat("x", lot.IntN(300))
	for range lot.IntN(4) {
		switch lot.IntN(4) {
		case 0:
			say(wire.FromClient, plain)
			say(wire.FromServer, answer)
		case 1:
			say(wire.FromClient, fmt.Sprintf("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s", len(body), body))
			say(wire.FromServer, "HTTP/1.1 100 Continue\r\n\r\n"+answer)
		case 2:
			say(wire.FromClient, handshake)
			say(wire.FromServer, refusal)
		case 3:
			say(wire.FromClient, plain+plain)
			say(wire.FromServer, answer+"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
		}
	}
	switch lot.IntN(3) {
	case 0:
		say(wire.FromClient, handshake)
		say(wire.FromServer, switching)
		lines[wire.FromClient].says = append(lines[wire.FromClient].says, body...)
		lines[wire.FromServer].says = append(lines[wire.FromServer].says, body+"\x81\x02hi"...)
	case 1:
		if !readable {
			lines[wire.FromClient].says = append(lines[wire.FromClient].says, "\x00 what is this?\r\n"...)
			lines[wire.FromServer].says = append(lines[wire.FromServer].says, "220 hello\r\n"...)
		}
	}
	return lines, after
}

// play plays one schedule and compares it with the simplest relay.
func play(t *testing.T, seed uint64) {
	t.Helper()
	lot := rand.New(rand.NewPCG(seed, 14))
	guarded, routed := lot.IntN(2) == 0, lot.IntN(3) == 0
	p := &schedule{lot: lot}
	p.stand = stood(func(_ *stand, r *routeTable) {
		p.current = r
		if guarded {
			r.backend.Guard = func(*wire.Exchange) error { return nil }
		}
		if to := r.backend; routed {
			r.choose = func(*Arrival) (*Backend, string) { return to, "" }
		}
	})
	backend := p.backend
	p.lines, p.after = script(lot, guarded)
	if len(p.lines[0].says) == 0 {
		return
	}
	if lot.IntN(4) == 0 {
		p.lines[lot.IntN(2)].stops = syscall.ECONNRESET
	}
	defer func() {
		if said := recover(); said != nil {
			t.Fatalf("seed %d: %v\n%s", seed, said, strings.Join(p.trace, "\n"))
		}
	}()
	p.perform(p.begin(false), "begin")
	for steps := 0; !p.over && p.step(); steps++ {
		if steps > 1<<16 {
			t.Fatalf("seed %d: it does not end", seed)
		}
	}
	err := carried(p.lines, p.heard, p.told)
	switch {
	case err == nil && !p.over:
		err = errors.New("nothing more can happen, and it is not over")
	case err == nil && p.backend != backend:
		err = errors.New("new routes have moved it")
	}
	if err != nil {
		t.Fatalf("seed %d, guard %t, routes %t: %v\nheard %q\ntold %q\n%s", seed, guarded, routed, err, p.heard, p.told, strings.Join(p.trace, "\n"))
	}
	p.conclude(wire.Cause(p.cause), p.now)
}

// TestSessionCarriesOnAnySchedule plays random schedules.
func TestSessionCarriesOnAnySchedule(t *testing.T) {
	for range 3000 {
		play(t, rand.Uint64())
	}
}

// FuzzSchedule plays the schedule of a seed, such as one that a failed test has printed.
func FuzzSchedule(f *testing.F) {
	f.Add(uint64(14))
	f.Fuzz(func(t *testing.T, seed uint64) { play(t, seed) })
}
