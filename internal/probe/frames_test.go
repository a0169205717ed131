package probe

import (
	"context"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/internal/lab"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// framed runs the probes of frames against a backend of the lab, and returns their verdicts.
func framed(t *testing.T, s *lab.Server) map[string]rules.Verdict {
	t.Helper()
	var probes []*rules.Probe
	for _, p := range rules.Probes() {
		if p.Frames != nil && !p.HTTP2() {
			probes = append(probes, p)
		}
	}
	judge := func(x *wire.Exchange) *rules.Ruling { return rules.Classify(rules.Case{X: x}) }
	target := Target{Address: s.Addr, Base: rules.NewHandshake("http", s.Addr, s.Backend.Paths[0], "")}
	fails := func(x *wire.Exchange) bool { return judge(x).Verdict == rules.Fail }
	l, report, err := probed(context.Background(), t, target, Settings{Fails: fails}, probes)
	if err != nil || len(l.by) != len(probes) || report.Gone || report.Degraded {
		t.Fatalf("got %d of %d probes, %v, %+v", len(l.by), len(probes), err, report)
	}
	verdicts := map[string]rules.Verdict{}
	for id, x := range l.by {
		verdicts[id] = judge(x).Verdict
	}
	return verdicts
}

// TestFramesCatchTheFault probes how backends of the lab read frames, twice: exactly the probes of
// their fault fail, each time.
func TestFramesCatchTheFault(t *testing.T) {
	for _, name := range []string{"gorilla", "coder", "gobwas", "bounds-inflating", "takes-unmasked", "frames-any", "frames-1006", "close-none", "close-late"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := lab.Start(name)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			first, want := framed(t, s), s.Backend.Caught
			want = slices.DeleteFunc(slices.Clone(want), func(id string) bool { return !strings.HasPrefix(id, "UPGRADE-FRAME-") })
			var got []string
			for _, id := range slices.Sorted(maps.Keys(first)) {
				switch v := first[id]; {
				case v == rules.Fail:
					got = append(got, id)
				case v == rules.Warn && !slices.Contains(s.Backend.Warned, id), v == rules.Unclear && (name != "coder" || id != "UPGRADE-FRAME-LENGTH-1G"):
					t.Errorf("%s: %s", id, v)
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
			if again := framed(t, s); !maps.Equal(again, first) {
				t.Errorf("got %v, and then %v", first, again)
			}
			if (first["UPGRADE-FRAME-RSV1-CONTINUATION"] == rules.Pass) != (name == "bounds-inflating") {
				t.Errorf("with an extension: %s", first["UPGRADE-FRAME-RSV1-CONTINUATION"])
			}
		})
	}
}

// TestSilenceAfterFramesIsUnclear probes a backend that answers the first ping and nothing more, and
// one that closes before any frame.
func TestSilenceAfterFramesIsUnclear(t *testing.T) {
	probes, err := Select(rules.Probes(), []string{"UPGRADE-FRAME-RSV?"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		says, unsent string
		want         rules.Verdict
	}{
		"silent": {rules.Pong, "", rules.Unclear},
		"closes": {"\x88\x02\x03\xf0", "the server ended the connection before the frames", rules.NotApplicable},
	} {
		b := serve(t, func(c *guest) {
			if c.sound() {
				c.send(switching(c.head) + test.says)
				_, _ = io.Copy(io.Discard, c.br)
				return
			}
			refuses(c)
		})
		l, _, err := probed(context.Background(), t, b.target(), Settings{Tail: 100 * time.Millisecond}, probes)
		if err != nil || len(l.by) != 3 {
			t.Fatalf("%s: got %d probes, %v", name, len(l.by), err)
		}
		for id, x := range l.by {
			if r := rules.Classify(rules.Case{X: x}); r.Own() != test.want || r.Unsent() != test.unsent {
				t.Errorf("%s: %s: got %s, %q", name, id, r.Own(), r.Unsent())
			}
		}
	}
}
