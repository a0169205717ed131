package audit

import (
	"errors"
	"strings"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// Guard returns why a client must not get a switch, or nil: the switch is unsafe, or does not name
// a protocol. It counts and remembers nothing.
func (a *Audit) Guard(x *wire.Exchange) error {
	const nameless = "UPGRADE-101-NO-UPGRADE"
	a.mu.Lock()
	a.start()
	a.mu.Unlock()
	c := rules.Case{X: x, Options: a.OptionsOf(x.Route), Seen: a.seen, Memory: &a.memory}
	c.Seen.KeySeen = nil // Observe remembers keys
	if a.flawless(c) {
		return nil
	}
	r := rules.Classify(c)
	if r.Unsafe {
		return errors.New("the backend switched and must not have: " + strings.Join(r.Broken(), ", "))
	}
	if f := r.Find(nameless); f != nil && f.Verdict == rules.Fail {
		return errors.New("the backend does not say what it switched to: " + nameless)
	}
	return nil
}

// flawless reports whether all rules passed that can make a switch unsafe; nameless is one of them. To ask only
// these takes a third of the time.
func (a *Audit) flawless(c rules.Case) bool {
	flawless := true
	a.unsafeRules(c, func(r *rules.Ruling) {
		flawless = !r.Unsafe && len(r.Broken()) == 0
	})
	return flawless
}
