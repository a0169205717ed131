package accept

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// A shot is an exchange for these tests: the result of a request with a method, sent by a probe or
// by a client.
type shot struct {
	probe, method, path, backend string
	refused                      bool // 405; otherwise 101
	uncontrolled                 bool // no valid handshake was accepted
}

// ruling returns the rules' ruling on the exchange.
func (s shot) ruling() *rules.Ruling {
	x := &wire.Exchange{
		ID: "1", Final: true, Complete: true, Origin: wire.OriginLive, Probe: s.probe, Route: "default", Backend: s.backend, BodyDone: true,
		Request: wire.ReadRequest([]byte(s.method + " " + s.path + " HTTP/1.1\r\nHost: " + s.backend + "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
			"Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==\r\nSec-WebSocket-Version: 13\r\n\r\n")),
		Response: wire.ReadResponse([]byte("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
			"Sec-WebSocket-Accept: HSmrc0sMlYUkAGmm5OPpG2HaGWk=\r\n\r\n")), Outcome: wire.Switched,
	}
	if s.refused {
		x.Outcome, x.Response = wire.Refused, wire.ReadResponse([]byte("HTTP/1.1 405 Method Not Allowed\r\nAllow: GET\r\nConnection: close\r\n\r\n"))
	}
	if s.probe != "" {
		x.Origin, x.Aim = wire.OriginProbe, s.path
		if !s.uncontrolled {
			x.Controls = wire.ControlsAccepted
		}
	}
	return rules.Classify(rules.Case{X: x})
}

const post = "UPGRADE-POST"

var (
	live     = shot{"", "POST", "/chat/17", "127.0.0.1:1", false, false}
	byPost   = shot{post, "POST", "/chat/17", "127.0.0.1:1", false, false}
	byHead   = shot{"UPGRADE-METHOD-HEAD", "HEAD", "/chat/17", "127.0.0.1:1", false, false}
	mended   = shot{post, "POST", "/chat/17", "127.0.0.1:1", true, false}
	unproven = shot{post, "POST", "/chat/17", "127.0.0.1:1", true, true}
	refused  = shot{"", "POST", "/chat/17", "127.0.0.1:1", true, false}
)

// run returns the findings of a run with these exchanges.
func run(shots ...shot) *Findings {
	a := new(Findings)
	for _, s := range shots {
		a.Add(s.ruling())
	}
	return a
}

// stateOf returns the state of the finding of UPGRADE-POST.
func stateOf(t *testing.T, s *States, one shot) string {
	t.Helper()
	before := one.ruling()
	r := s.Enter(before)
	if f := before.Find(post); f == nil || f.State != "" {
		t.Fatalf("%+v: the ruling that was handed in has %+v", one, f)
	}
	return r.Find(post).State
}

func TestStates(t *testing.T) {
	elsewhere, other := live, byPost
	elsewhere.backend, other.backend = "192.0.2.7:4711", "192.0.2.7:4711"
	anywhere, away := live, live
	anywhere.path, away.path = "/chat/18", "/news"
	for name, c := range map[string]struct {
		before  []shot // nil: no baseline
		now     shot
		want    string
		notSeen int64
	}{
		"nothing to compare with":         {nil, live, "new", 0},
		"the same":                        {[]shot{live}, live, "known", 0},
		"another port and address":        {[]shot{live}, elsewhere, "known", 0},
		"a probe elsewhere":               {[]shot{byPost}, other, "known", 0},
		"another identifier":              {[]shot{live}, anywhere, "known", 0},
		"another endpoint":                {[]shot{live}, away, "new", 1},
		"another probe":                   {[]shot{byPost}, byHead, "new", 1},
		"worse than it was":               {[]shot{refused}, live, "new", 0},
		"milder than it was":              {[]shot{live}, refused, "known", 0},
		"seen live, and by a probe":       {[]shot{live}, byPost, "reproduced", 1},
		"seen by a probe, and live":       {[]shot{byPost}, live, "reproduced", 1},
		"a warning, then by a probe":      {[]shot{refused}, byPost, "new", 0},
		"the same probe passes":           {[]shot{byPost}, mended, "fixed", 0},
		"it passes, and nothing is shown": {[]shot{byPost}, unproven, "", 1},
		"it passes, and passed before":    {[]shot{mended}, mended, "", 0},
		"a probe passes, it was live":     {[]shot{live}, mended, "", 1},
		"another probe passes":            {[]shot{byHead}, mended, "", 1},
	} {
		s := States{}
		if c.before != nil {
			s.Baseline = run(c.before...)
		}
		if c.now == unproven { // a rule that the rulebook lacks; its finding is left out
			r := s.Enter(c.now.ruling())
			if f := r.Find(post); f != nil && f.State != "" {
				t.Errorf("%s: got %+v", name, f)
			}
		} else if got := stateOf(t, &s, c.now); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
		if got := s.NotSeen(); got != c.notSeen {
			t.Errorf("%s: %d not seen, want %d", name, got, c.notSeen)
		}
	}
}

func TestStatesWithinARun(t *testing.T) {
	s := States{Baseline: run(byPost)}
	for i, step := range []struct {
		one  shot
		want string
	}{{live, "reproduced"}, {byPost, "known"}, {mended, ""}, {byHead, "reproduced"}, {live, "reproduced"}} {
		if got := stateOf(t, &s, step.one); got != step.want {
			t.Errorf("step %d: got %q, want %q", i, got, step.want)
		}
	}
	if n := s.NotSeen(); n != 0 {
		t.Errorf("%d not seen", n)
	}
}

func TestEntriesAccept(t *testing.T) {
	all := []shot{live, byPost, byHead}
	fingerprint := func(s shot) string { r := s.ruling(); return r.Fingerprint(r.Find(post)) }
	for name, c := range map[string]struct {
		entry Entry
		want  []bool // live, by the rule's own probe, by another probe
	}{
		"a rule":                {Entry{Rule: post}, []bool{true, true, false}},
		"at its endpoint":       {Entry{Rule: post, Endpoint: "/chat/{id}"}, []bool{true, true, false}},
		"at a glob":             {Entry{Rule: post, Endpoint: "/c*"}, []bool{true, true, false}},
		"at another":            {Entry{Rule: post, Endpoint: "/chat"}, []bool{false, false, false}},
		"another rule":          {Entry{Rule: "UPGRADE-MISSING-CONN"}, []bool{false, false, false}},
		"by another probe":      {Entry{Rule: post, Probe: "UPGRADE-METHOD-HEAD"}, []bool{false, false, true}},
		"by some":               {Entry{Rule: post, Probe: "UPGRADE-M*"}, []bool{false, false, true}},
		"by any":                {Entry{Rule: post, Probe: "*"}, []bool{true, true, true}},
		"a fingerprint":         {Entry{Fingerprint: fingerprint(byHead)}, []bool{false, false, true}},
		"that, and a rule":      {Entry{Rule: post, Fingerprint: fingerprint(live)}, []bool{true, false, false}},
		"that, at another":      {Entry{Fingerprint: fingerprint(live), Endpoint: "/news"}, []bool{false, false, false}},
		"until tomorrow":        {Entry{Rule: post, Until: time.Unix(2, 0)}, []bool{true, true, false}},
		"until now":             {Entry{Rule: post, Until: time.Unix(1, 0)}, []bool{false, false, false}},
		"a glob of the pattern": {Entry{Rule: post, Endpoint: "*a*{*}"}, []bool{true, true, false}},
	} {
		for i, one := range all {
			s := States{Entries: []Entry{c.entry}, Now: time.Unix(1, 0)}
			if got := stateOf(t, &s, one) == rules.StateAccepted; got != c.want[i] {
				t.Errorf("%s: exchange %d: got %t", name, i, got)
			}
		}
	}
}

// TestTheOwnProbeOfARule checks for every rule that an entry without a probe accepts exactly one of
// the rule's probes.
func TestTheOwnProbeOfARule(t *testing.T) {
	for _, rule := range rules.All() {
		n, e := 0, Entry{Rule: rule.ID}
		for i := range rule.Probes {
			if e.Accepts(&rules.Ruling{X: &wire.Exchange{Probe: rule.Probes[i].ID}}, &rules.Finding{Rule: rule}) {
				n++
			}
		}
		if n != min(1, len(rule.Probes)) {
			t.Errorf("%s: %d of %d", rule.ID, n, len(rule.Probes))
		}
		if p := rules.FindProbe("CTRL-PLAIN"); p.Rule() != rule && !e.Accepts(&rules.Ruling{X: &wire.Exchange{Probe: p.ID}}, &rules.Finding{Rule: rule}) {
			t.Errorf("%s is not accepted where a probe for another rule shows it", rule.ID)
		}
	}
}

func TestWhatIsAcceptedIsNoBaseline(t *testing.T) {
	s := States{Entries: []Entry{{Rule: post}}}
	baseline := new(Findings)
	baseline.Add(s.Enter(live.ruling()))
	later := States{Baseline: baseline}
	if got := stateOf(t, &later, live); got != "new" || later.NotSeen() != 0 {
		t.Errorf("got %q, %d not seen", got, later.NotSeen())
	}
	s = States{Entries: []Entry{{Rule: post}}, Baseline: run(live)}
	if got := stateOf(t, &s, live); got != "accepted" || s.NotSeen() != 0 {
		t.Errorf("known and accepted: got %q, %d not seen", got, s.NotSeen())
	}
}

func TestRemarksNameIdleEntries(t *testing.T) {
	s := States{Now: time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC), Entries: []Entry{
		{Rule: post, Endpoint: "/chat/*", Place: "a:1:1"}, {Rule: post, Endpoint: "/news", Probe: "*", Place: "a:2:1"},
		{Fingerprint: "00", Place: "a:3:1"}, {Rule: post, Until: time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC), Place: "a:4:1"},
	}}
	s.Enter(live.ruling())
	want := []string{
		"a:2:1: the entry for UPGRADE-POST at /news by * accepted nothing: if that is mended, remove it",
		"a:3:1: the entry for fingerprint 00 accepted nothing: if that is mended, remove it",
		"a:4:1: the entry for UPGRADE-POST expired on 2026-11-20 and accepts nothing: look into it again, or remove it",
	}
	if got := s.Remarks(); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

func TestCoverage(t *testing.T) {
	c := Coverage{Expected: []Expectation{
		{Endpoint: "/chat/{id}", Protocol: "websocket"}, {Endpoint: "/chat/*", Protocol: "h2c"}, {Endpoint: "/news"}, {Endpoint: "/c*"},
	}}
	if got := c.Missing(); len(got) != 4 {
		t.Errorf("at first: got %v", got)
	}
	away := live
	away.path, away.refused = "/news", true
	c.Enter(live.ruling())
	c.Enter(away.ruling())
	if got := c.Missing(); len(got) != 2 || got[0].String() != "/chat/* (h2c)" || got[1].String() != "/news" {
		t.Errorf("got %v", got)
	}
}

func TestGlobs(t *testing.T) {
	for _, c := range []struct {
		glob, text string
		want       bool
	}{
		{"", "", true}, {"", "a", false}, {"a", "a", true}, {"a", "ab", false}, {"*", "", true}, {"*", "a/b", true}, {"a*", "a", true}, {"a*", "ba", false},
		{"*b", "ab", true}, {"*b", "ba", false}, {"a*a", "a", false}, {"a*a", "aa", true}, {"a*b*c", "axbxc", true}, {"a*b*c", "acb", false},
		{"a**b", "ab", true}, {"*a*a*", "aa", true}, {"*a*a*", "a", false}, {"[a]?", "[a]?", true}, {"[a]", "a", false}, {"*ab", "aab", true},
	} {
		if got := rules.MatchGlob(c.glob, c.text); got != c.want {
			t.Errorf("%q of %q: got %t", c.text, c.glob, got)
		}
	}
	if rules.MatchGlob(strings.Repeat("*a", 5000)+"b", strings.Repeat("a", 10_000)) {
		t.Error("a long one fits")
	}
}
