package rules

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/wire"
)

// TestRulesAreComplete checks that every rule has every text and function.
func TestRulesAreComplete(t *testing.T) {
	rules := All()
	if len(rules) < 20 {
		t.Errorf("got %d rules", len(rules))
	}
	if !slices.IsSortedFunc(rules, func(a, b *Rule) int { return strings.Compare(a.ID, b.ID) }) {
		t.Error("the register is not sorted")
	}
	for _, r := range rules {
		for what, ok := range map[string]bool{
			"an ID of capitals and digits": strings.Trim(r.ID, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") == "" && r.ID != "",
			"references":                   len(r.Refs) > 0,
			"a reason":                     r.Why != "" && !strings.ContainsAny(r.Why, "\n\t") && strings.HasSuffix(r.Why, "."),
			"a fix":                        r.Fix != "" && !strings.Contains(r.Fix, "\t"),
			"a release":                    r.Since != "",
			"a condition":                  r.When != nil,
			"a text for what was seen":     r.Show != nil,
		} {
			if !ok {
				t.Errorf("%s has not %s", r.ID, what)
			}
		}
		for _, ref := range r.Refs {
			if ref.RFC == "" || ref.Section == "" || ref.Text == "" {
				t.Errorf("%s has an empty reference: %+v", r.ID, ref)
			}
		}
	}
}

func TestFind(t *testing.T) {
	for id, want := range map[string]string{
		"UPGRADE-POST": "UPGRADE-POST", "COMP-UPGRADE-POST": "UPGRADE-POST", "upgrade-post": "UPGRADE-POST",
		"UPGRADE-HTTP10\n": "UPGRADE-HTTP10", "UPGRADE-": "", "": "",
	} {
		got := ""
		if r := Find(id); r != nil {
			got = r.ID
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", id, got, want)
		}
	}
	for typed, want := range map[string]string{
		"UPGRADE-PSOT": "UPGRADE-POST", "http10": "UPGRADE-HTTP10", "comp-upgrade-missing-con": "UPGRADE-MISSING-CONN",
	} {
		if got := Suggest(typed); len(got) == 0 || got[0] != want {
			t.Errorf("%q: got %q, want %q first", typed, got, want)
		}
	}
	if got := Suggest("nothing like it"); got != nil {
		t.Errorf("got %q, want nothing", got)
	}
}

// TestPanicStaysInItsRule checks that a panic in a rule is reported and does not affect other
// rules.
func TestPanicStaysInItsRule(t *testing.T) {
	broken := &Rule{ID: "TEST-PANIC", When: func(c *Case) bool { return c.X.Response.Fields[99].Name.From > 0 }}
	whole := book
	defer func() { book = whole }()
	book = append([]*Rule{broken}, whole...)
	ruling := Classify(Case{X: exchange(101, wire.Switched, "")})
	f := ruling.Find("TEST-PANIC")
	if f == nil || f.Verdict != Unclear || !strings.Contains(f.Detail, "index out of range [99]") {
		t.Errorf("got %+v", f)
	}
	if f := ruling.Find("UPGRADE-POST"); f == nil || f.Verdict != Fail {
		t.Errorf("got %+v for the next rule, want fail", f)
	}
}

// TestSnapshotIsNotJudgedByWhatFollows checks that rules about the bytes after a 101 wait for them.
func TestSnapshotIsNotJudgedByWhatFollows(t *testing.T) {
	x := exchange(101, wire.Switched, "")
	x.After.Server, x.After.Client = []byte("HTTP/1.1 200 OK\r\n"), []byte("GET / HTTP/1.1\r\n")
	for _, complete := range []bool{false, true} {
		x.Complete = complete
		r := Classify(Case{X: x})
		if got := r.Find("UPGRADE-101-NOT-SWITCHED") != nil && r.Find("UPGRADE-101-TRAFFIC-HTTP") != nil; got != complete {
			t.Errorf("complete %t: in play %t", complete, got)
		}
		if !r.Unsafe {
			t.Errorf("complete %t: not unsafe", complete)
		}
	}
}

// TestOverrideDoesNotChangeWhatIsUnsafe checks that a configured severity changes the finding and
// nothing else.
func TestOverrideDoesNotChangeWhatIsUnsafe(t *testing.T) {
	x := exchange(101, wire.Switched, "")
	r := Classify(Case{X: x, Options: &Options{Severities: map[string]Severity{"UPGRADE-HTTP10": High}}})
	if f := r.Find("UPGRADE-HTTP10"); f.Severity != High || f.Verdict != Fail || !r.Unsafe {
		t.Errorf("got %s %s, unsafe %t", f.Verdict, f.Severity, r.Unsafe)
	}
}

// TestProbeIsNoClient checks that a client rule reports nothing about a defect that a probe has on
// purpose.
func TestProbeIsNoClient(t *testing.T) {
	x := exchange(101, wire.Switched, "")
	x.Origin, x.After.Client = wire.OriginProbe, []byte("GET / HTTP/1.1\r\n")
	for _, f := range Classify(Case{X: x}).Findings {
		if f.Party == Client {
			t.Errorf("%s blames the client", f.Rule.ID)
		}
	}
}

// TestCutRequestLacksNothing checks that an incomplete request head is not blamed for missing
// headers.
func TestCutRequestLacksNothing(t *testing.T) {
	x := exchange(101, wire.Switched, "")
	x.Request = wire.ReadRequest([]byte("GET / HTTP/1.1\r\nUpgrade: websocket\r\n"))
	x.Request.Flaws = append(x.Request.Flaws, wire.Flaw{Kind: wire.FlawHeadTooLong})
	r := Classify(Case{X: x})
	for _, id := range []string{"UPGRADE-MISSING-CONN", "UPGRADE-WS-KEY-MISSING"} {
		if f := r.Find(id); f != nil {
			t.Errorf("%s: %s", id, f.Detail)
		}
	}
}

func TestSpansShowTheEvidence(t *testing.T) {
	x := exchange(405, wire.Refused, "")
	f := Classify(Case{X: x}).Find("UPGRADE-POST")
	if len(f.Spans) != 1 || f.Spans[0].Part != InRequest || string(x.Request.Raw[f.Spans[0].From:f.Spans[0].To]) != "POST" {
		t.Errorf("got %+v", f.Spans)
	}
	for _, r := range corpus(t) {
		for _, ruling := range r.rulings() {
			for _, f := range ruling.Findings {
				for _, s := range f.Spans {
					if n := len(part(ruling.X, s.Part)); s.From < 0 || s.From > s.To || s.To > n {
						t.Errorf("%s, %s: %+v in %d bytes", r.name, f.Rule.ID, s, n)
					}
				}
			}
		}
	}
}

// part returns the bytes that the spans of a part refer to.
func part(x *wire.Exchange, p Part) []byte {
	switch p {
	case InRequest:
		return x.Request.Raw
	case InResponse:
		return x.Response.Raw
	case FromClient:
		return x.After.Client
	}
	return x.After.Server
}

// FuzzClassify checks that no input makes a rule panic, that verdicts are consistent, and that a
// ruling is written as valid JSON.
func FuzzClassify(f *testing.F) {
	for _, r := range corpus(f) {
		f.Add([]byte(r.transcript.String()))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		transcript, err := wire.ParseTranscript(text)
		if err != nil {
			return
		}
		for _, x := range transcript.Exchanges(wire.Common{}) {
			r := Classify(Case{X: x})
			worst := NotApplicable
			for _, f := range r.Findings {
				worst = min(worst, f.Verdict)
				if strings.HasPrefix(f.Detail, "Internal error in this rule") {
					t.Errorf("%s: %s", f.Rule.ID, f.Detail)
				}
				if f.Verdict < Pass && f.Detail == "" {
					t.Errorf("%s: %s without a word", f.Rule.ID, f.Verdict)
				}
				for _, s := range f.Spans {
					if n := len(part(x, s.Part)); s.From < 0 || s.From > s.To || s.To > n {
						t.Errorf("%s: %+v in %d bytes", f.Rule.ID, s, n)
					}
				}
			}
			if r.Verdict != worst || r.Unsafe && x.Outcome != wire.Switched && (x.Response == nil || x.Response.Status != 101) && r.Find("UPGRADE-H2C-NO-101") == nil {
				t.Errorf("verdict %s, worst %s, unsafe %t", r.Verdict, worst, r.Unsafe)
			}
			if _, err := r.MarshalJSON(); err != nil {
				t.Error(err)
			}
			agrees(t, x)
			checkNeeds(t, x)
			checkEncoding(t, r)
		}
	})
}

// measured returns the exchanges of the benchmarks, each with its maximum number of allocations: a
// valid handshake, a faulty one, and an offer that the server ignored.
func measured() map[string]float64 {
	return map[string]float64{
		"UPGRADE-101-UNSOLICITED/offered.wire": 3, "UPGRADE-POST/switched-on-post.wire": 9, "UPGRADE-TLS-OFFER/ignored.wire": 5,
	}
}

// transcribed returns the case of the first exchange of a transcript.
func transcribed(tb testing.TB, name string) Case {
	all := corpus(tb)
	i := slices.IndexFunc(all, func(r *recorded) bool { return r.name == name })
	if i < 0 {
		tb.Fatalf("no transcript %s", name)
	}
	return Case{X: all[i].transcript.Exchanges(wire.Common{})[0], Options: new(Options), Memory: new(Memory)}
}

// TestClassifyAllocatesLittle checks that a pass allocates nothing but its entry in the list of
// findings.
func TestClassifyAllocatesLittle(t *testing.T) {
	for name, most := range measured() {
		c := transcribed(t, name)
		if got := testing.AllocsPerRun(100, func() { Classify(c) }); got > most && !raced {
			t.Errorf("%s: %.0f allocations, want at most %.0f", name, got, most)
		}
	}
}

func BenchmarkClassify(b *testing.B) {
	for _, name := range slices.Sorted(maps.Keys(measured())) {
		c := transcribed(b, name)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Classify(c)
			}
		})
	}
}
