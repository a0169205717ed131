package rules

import (
	"embed"
	"path"

	"github.com/interlock-proxy/interlock/wire"
)

// examples are the transcripts of the rulebook, which show each rule kept and broken.
//
//go:embed testdata/*/*.wire
var examples embed.FS

// Example returns a transcript in which the rule is violated, as text: by live traffic rather than
// by a probe, and with the worst verdict. ok is false if there is none.
func (r *Rule) Example() (text string, ok bool) {
	dir := "testdata/" + r.ID
	entries, err := examples.ReadDir(dir)
	if err != nil {
		return "", false
	}
	best := int(Pass) * 2
	for _, e := range entries {
		b, err := examples.ReadFile(path.Join(dir, e.Name()))
		if err != nil {
			continue
		}
		t, err := wire.ParseTranscript(b)
		if err != nil {
			continue
		}
		if rank := r.rank(t); rank < best {
			text, ok, best = t.String(), true, rank
		}
	}
	return text, ok
}

// rank is lower the better a transcript shows the rule broken.
func (r *Rule) rank(t *wire.Transcript) int {
	rank, probe := int(Pass)*2, 0
	for _, m := range t.Meta {
		if m.Key == "probe" {
			probe = 1
		}
		for _, v := range []Verdict{Fail, Warn, Unclear} {
			if m.Key == "want" && m.Value == v.String()+" "+r.ID {
				rank = min(rank, int(v)*2)
			}
		}
	}
	return rank + probe
}
