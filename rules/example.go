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

// exampleExchanges are the exchanges of a transcript with what its meta lines say: about a probe, and
// about a proxy whose name is "hop". One whose target is "hop-twin" is the twin of the others.
func exampleExchanges(t *wire.Transcript, common wire.Common) (all []*wire.Exchange) {
	name, twin := "", ""
	for _, m := range t.Meta {
		switch m.Key {
		case "origin":
			common.Origin = wire.Origin(m.Value)
		case "hop":
			name = m.Value
		case "hop-twin":
			twin = m.Value
		}
	}
	var twins []wire.Twin
	for _, x := range t.Exchanges(common) {
		exampleProbe(t, x)
		if x.Hop != nil {
			x.Hop.Name = name
		}
		if twin != "" && x.Request.Target == twin {
			twins = append(twins, wire.Twin{Name: "hop", X: x})
		} else {
			all = append(all, x)
		}
	}
	for _, x := range all {
		x.Twins = append(x.Twins, twins...)
	}
	return all
}
