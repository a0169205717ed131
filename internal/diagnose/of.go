package diagnose

import (
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// Of returns the diagnoses of a ruling, the most certain first; nil if there is nothing to explain.
// It is for live traffic and recordings, and for probes that are valid handshakes: the answer to a
// malformed one needs no explanation, and where the endpoint accepts the usual handshake, it is how another one
// is written that the server does not take, not its path or a proxy. Of what chain sends, it explains what the
// proxy does. Several goroutines may call it at the same time.
func Of(r *rules.Ruling) []rules.Diagnosis { return OfSeen(r, Seen{}) }

// OfSeen is Of with what earlier exchanges say; see [Tunnels].
func OfSeen(r *rules.Ruling, seen Seen) []rules.Diagnosis {
	ofHop := r.X.Origin == wire.OriginChain
	if r.X.Probe != "" && !ofHop {
		if p := rules.FindProbe(r.X.Probe); p == nil || !p.IsControl() || r.X.Controls == wire.ControlsAccepted {
			return nil
		}
	}
	v := newView(r)
	v.Seen = seen
	ordinary := v.Request.Method == "GET" && onlyWebSocket(v.Request) // most of all
	var all []rules.Diagnosis
	var covered []string
	for _, k := range catalogue {
		if k.Stages&v.Stage == 0 || !k.Over.has(r.X.Stream != nil) || ofHop && k.Family != Proxies || k.Family == Normal && (r.X.Origin.Ours() || v.Stage&Tunnel != 0 && ordinary) {
			continue
		}
		if text := k.See(&v); text != "" && (k.Family != Normal || v.excused(k.Rules)) {
			all, covered = append(all, k.diagnosis(&v, text)), append(covered, k.Covers...)
			if k.Family == Dropped || k.Family == Opening {
				covered = append(covered, "tunnel-no-close", "tunnel-reset") // that is how a client gives up
			}
		}
	}
	if len(all) == 0 {
		return nil
	}
	all = slices.DeleteFunc(all, func(d rules.Diagnosis) bool { return slices.Contains(covered, d.ID) })
	slices.SortStableFunc(all, func(a, b rules.Diagnosis) int { return int(b.Certainty) - int(a.Certainty) })
	return all[:min(len(all), maxDiagnoses)]
}

// onlyWebSocket reports whether a request offers websocket and nothing else.
func onlyWebSocket(q *wire.Request) bool {
	offered := false
	for e := range q.Elements("Upgrade") {
		if offered = wire.EqualFold(q.Text(e), "websocket"); !offered {
			return false
		}
	}
	return offered
}

// maxDiagnoses is how many diagnoses an exchange has at most.
const maxDiagnoses = 8

// diagnosis returns what the kind says about an exchange in which it was seen.
func (k *Kind) diagnosis(v *View, text string) rules.Diagnosis {
	d := rules.Diagnosis{ID: k.ID, Text: text}
	for _, c := range k.Causes {
		basis := ""
		if c.Mark != nil {
			if basis = c.Mark(v); basis == "" {
				continue
			}
		}
		d.Certainty, d.Cause, d.Basis, d.Fix = c.Certainty, c.Text, basis, lines(c.Fix)
		if c.More != nil {
			d.Fix += "\n" + lines(c.More(v))
		}
		break
	}
	for i := range v.Ruling.Findings {
		if f := &v.Ruling.Findings[i]; f.Verdict < rules.Pass && slices.Contains(k.Rules, f.Rule.ID) {
			d.Explains = append(d.Explains, f.Rule.ID)
		}
	}
	return d
}

// lines are remedies as text, a line for each.
func lines(fix []Remedy) string {
	var all []string
	for _, r := range fix {
		all = append(all, r.String())
	}
	return strings.Join(all, "\n")
}

// excused reports whether nothing failed but the rules that a kind explains: what is normal about a
// request says nothing about another failure.
func (v *View) excused(by []string) bool {
	for i := range v.Ruling.Findings {
		if f := &v.Ruling.Findings[i]; f.Verdict == rules.Fail && !slices.Contains(by, f.Rule.ID) {
			return false
		}
	}
	return true
}
