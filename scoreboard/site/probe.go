package site

import (
	"cmp"
	"slices"
)

// A probeView is the page of a probe.
type probeView struct {
	*probe
	Family  family
	Sends   []line
	Answers []answerGroup
}

// An answerGroup is the servers with the same verdict.
type answerGroup struct {
	Name    string // of its mark
	Answers []answer
}

// Example is an answer with the mark of the group.
func (g answerGroup) Example() answer { return g.Answers[0] }

func (b *board) writeProbes(w *writer) error {
	for _, f := range b.Families {
		for _, p := range f.Probes {
			v := probeView{probe: p, Family: f.family, Answers: grouped(p.Answers)}
			if p.Spec != nil {
				v.Sends = sentBy(p.Spec)
			}
			err := b.render(w, "probes/"+p.ID+".html", "probe.html", page{
				Tab: "probes.html", Title: p.ID, View: v, About: p.Label() + ": which servers pass.",
			})
			if err != nil {
				return err
			}
		}
	}
	return b.render(w, "probes.html", "probes.html", page{
		Tab: "probes.html", Title: "Probes", View: b.Families, About: "The handshakes that the scoreboard sends, and how many servers pass each.",
	})
}

// grouped groups answers by their marks, failures first.
func grouped(all []answer) (groups []answerGroup) {
	for _, a := range all {
		name := markOf(a.Cell).Name
		i := slices.IndexFunc(groups, func(g answerGroup) bool { return g.Name == name })
		if i < 0 {
			i = len(groups)
			groups = append(groups, answerGroup{Name: name})
		}
		groups[i].Answers = append(groups[i].Answers, a)
	}
	order := []string{"fail", "warn", "unclear", "note", "pass", "na"}
	slices.SortFunc(groups, func(a, b answerGroup) int {
		return cmp.Compare(slices.Index(order, a.Name), slices.Index(order, b.Name))
	})
	return groups
}
