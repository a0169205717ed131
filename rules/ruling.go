package rules

import (
	"slices"

	"github.com/interlock-proxy/interlock/wire"
)

// A Ruling is the judgment of all rules on one exchange. [Classify] makes it; its first owner may
// set Endpoint, Instance, Run, Before, Diagnoses and the State of the findings. After that no one changes it.
type Ruling struct {
	X        *wire.Exchange
	Findings []Finding // by rule; those that do not apply are left out
	Verdict  Verdict   // the worst of the findings; NotApplicable if there is none
	Unsafe   bool      // a critical rule failed and the server switched: a fact that no configuration changes
	Endpoint string    // the template of the request's target
	Instance string    // which Interlock this was
	Run      string    // the probe run, if it was one
	Before   *Before   // the result as of the previous report; nil if this is the first one

	Diagnoses []Diagnosis // what explains the exchange; see package internal/diagnose

	options *Options
	blanked blanked // of a ruling that was read
}

// blanked names what was blanked out in the heads of a ruling before it was read.
type blanked struct{ request, response []string }

// A Finding is the judgment of one rule on an exchange.
type Finding struct {
	Rule        *Rule
	Verdict     Verdict
	Severity    Severity // at this outcome, or as configured
	Party       Party    // who is at fault
	Attribution string   // who else may be at fault, if a proxy is on the path; "" otherwise
	Related     []string // IDs of further rules that the same deviation violates critically; they have no finding of their own
	Detail      string   // the problem in a sentence, with values quoted; for fail, warn and unclear
	Refs        []Ref    // those of the rule's that bear on this exchange
	Spans       []Span   // where the evidence is
	State       string   // new, known, accepted, ...; in the words of the contracts
}

// A Part is a piece of an exchange that evidence can be in.
type Part string

// The parts: both heads, and the first bytes of either side after a 101.
const (
	InRequest  Part = "request"
	InResponse Part = "response"
	FromClient Part = "client"
	FromServer Part = "server"
)

// A Span is a range of bytes in a part of an exchange: From is the first byte, To the one after the
// last.
type Span struct {
	Part Part `json:"part"`
	From int  `json:"from"`
	To   int  `json:"to"`
}

// Worst returns the finding that decides the ruling: the most severe one with its verdict. Of
// several, and of those that passed, it is that of the probe's own rule, else the first. It is nil
// if no finding has the verdict.
func (r *Ruling) Worst() *Finding {
	var worst *Finding
	own := r.own()
	for i := range r.Findings {
		f := &r.Findings[i]
		if f.Verdict != r.Verdict {
			continue
		}
		graver := worst != nil && r.Verdict < Pass && f.Severity != worst.Severity
		if worst == nil || graver && f.Severity > worst.Severity || !graver && f.Rule == own {
			worst = f
		}
	}
	return worst
}

// Own returns the verdict of the probe's own rule; NotApplicable if the rule did not apply, for a
// pass without an accepted control, and for an exchange that is not a probe.
func (r *Ruling) Own() Verdict {
	own := r.own()
	if own == nil {
		return NotApplicable
	}
	f := r.Find(own.ID)
	if f == nil || f.Verdict == Pass && r.X.Controls == wire.ControlsRefused {
		return NotApplicable
	}
	return f.Verdict
}

// own returns the probe's own rule; nil if the exchange is not a probe.
func (r *Ruling) own() *Rule {
	if r.X.Probe == "" {
		return nil
	}
	if r.X.Origin == wire.OriginChain {
		if all := ChainRules(r.X.Probe); len(all) > 0 {
			return all[0]
		}
		return nil
	}
	if p := FindProbe(r.X.Probe); p != nil {
		return p.rule
	}
	return nil
}

// Severity returns the highest severity of what did not pass; Info if everything did. That of the
// worst finding may be lower.
func (r *Ruling) Severity() Severity {
	worst := Info
	for i := range r.Findings {
		if f := &r.Findings[i]; f.Verdict < Pass {
			worst = max(worst, f.Severity)
		}
	}
	return worst
}

// Benign reports whether nothing here needs attention: no rule failed, and what did not pass is
// information only.
func (r *Ruling) Benign() bool { return r.Verdict != Fail && r.Severity() == Info }

// Broken returns the IDs of the rules that failed or, where none did, of those with the ruling's
// verdict. It is empty for a ruling that passed.
func (r *Ruling) Broken() []string {
	var ids []string
	if r.Verdict < Pass {
		for i := range r.Findings {
			if f := &r.Findings[i]; f.Verdict == r.Verdict {
				ids = append(ids, f.Rule.ID)
			}
		}
	}
	return ids
}

// Find returns the finding of the rule with that ID, or nil.
func (r *Ruling) Find(id string) *Finding {
	if i := slices.IndexFunc(r.Findings, func(f Finding) bool { return f.Rule.ID == id }); i >= 0 {
		return &r.Findings[i]
	}
	return nil
}

// Offers returns the protocols that the request offers, as it writes them.
func (r *Ruling) Offers() []string { return written(r.X.Request.Protocols()) }

// Target returns the target of the request, fit to be shown: secret values are blanked out unless
// evidence is full.
func (r *Ruling) Target() string { return r.options.shown(r.X.Request.Target) }

// Subprotocol is a subprotocol that the server chose, fit to be shown: a token in it is blanked
// out.
func (r *Ruling) Subprotocol(chosen string) string {
	return r.options.Redact.Subprotocol(r.X.Request, chosen)
}

func written(members []wire.Protocol) []string {
	texts := make([]string, 0, len(members))
	for _, m := range members {
		texts = append(texts, withoutTokens(m.String()))
	}
	return texts
}
