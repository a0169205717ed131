package run

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/internal/chain"
	"github.com/interlock-proxy/interlock/internal/printed"
	"github.com/interlock-proxy/interlock/internal/report"
	"github.com/interlock-proxy/interlock/internal/terminal"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// chainText is the report for people: the answer in a sentence, then what was found at each hop, with
// the heads of both sides, and with several hops a table.
type chainText struct {
	*probeText
	chaining *Chaining
}

func (c *Chaining) newText(w io.Writer, o report.Options) (report.Writer, error) {
	t := &probeText{w: w, marks: &terminal.Console{Color: o.Color, ASCII: o.ASCII}, columns: unlimited}
	if o.Width > 0 {
		t.columns = report.Columns(o.Width)
	}
	return &chainText{t, c}, nil
}

// Write is part of report.Writer.
func (*chainText) Write(*rules.Ruling) error { return nil }

// Close is part of report.Writer.
func (t *chainText) Close(s *report.Summary) error {
	c := t.chaining
	c.headlines(t.probeText)
	var b bytes.Buffer
	if !c.Flags.Quiet {
		for _, h := range c.hops {
			b.WriteByte('\n')
			c.about(t.probeText, &b, h)
		}
		if len(c.hops) > 1 {
			c.compare(t.probeText, &b)
		}
		for _, remark := range s.Remarks {
			t.entry(&b, " ", "accepted and expected: "+wire.Escape([]byte(remark)))
		}
		if s.NotSeen > 0 {
			t.entry(&b, " ", fmt.Sprintf("not seen: %s of the baseline", printed.Count(s.NotSeen, "finding")))
		}
	}
	if len(c.hops) > 1 || c.Accepting.States.Baseline != nil || s.Accepted > 0 {
		t.entry(&b, " ", s.Result())
	}
	return t.flush(&b)
}

// headlines writes the answers.
func (c *Chaining) headlines(t *probeText) {
	var b bytes.Buffer
	if len(c.hops) > 1 {
		v, answer := c.blames()
		t.hang(&b, " "+t.marks.Symbol(v)+" ", 3, answer)
	}
	for _, h := range c.hops {
		v, answer := c.says(h)
		t.hang(&b, " "+t.marks.Symbol(v)+" ", 3, answer)
	}
	_ = t.flush(&b) // an error shows again with the rest
}

// says returns the verdict on a hop, and a sentence.
func (c *Chaining) says(h *passed) (rules.Verdict, string) {
	n := h.verdicts()
	switch {
	case h.gated > 0 && h.failed != nil:
		return rules.Fail, fmt.Sprintf("Not safe: %s at or above --fail-on %v at %s, and not all was tried: %v.", printed.Count(h.gated, "fault"), c.Gate.Least, h.place, h.failed)
	case h.gated > 0:
		return rules.Fail, fmt.Sprintf("Not safe: %s at or above --fail-on %v at %s.", printed.Count(h.gated, "fault"), c.Gate.Least, h.place)
	case h.failed != nil:
		return rules.Unclear, fmt.Sprintf("Could not tell whether %s is safe: %v.", h.place, h.failed)
	case h.report.Transport:
		return rules.Pass, fmt.Sprintf("%s relays bytes and reads no HTTP: it adds no fault to an upgrade, and takes none away.", h.place)
	case n[rules.Fail] > 0 && (c.Accepting.States.Baseline != nil || len(c.Accepting.States.Entries) > 0):
		return rules.Warn, fmt.Sprintf("%s has %s, and none is new: they are %s.", h.place, printed.Count(n[rules.Fail], "fault"), h.spared(&c.Gate))
	case n[rules.Fail] > 0:
		return rules.Warn, fmt.Sprintf("%s has %s, all %s.", h.place, printed.Count(n[rules.Fail], "fault"), h.spared(&c.Gate))
	case n[rules.Unclear] > 0:
		return rules.Warn, fmt.Sprintf("Safe as far as tested: no fault of %s is certain, and %s did not fail again when repeated.", h.place, printed.Count(n[rules.Unclear], "probe"))
	}
	if c.versions == chain.HTTP2 && !h.report.Streams && len(h.results) > 0 {
		return rules.Unclear, fmt.Sprintf("Nothing was found at %s, and little was tested: %s.", h.place, c.inHTTP2(h))
	}
	passed := fmt.Sprintf("Safe as far as tested: %d of %s passed", n[rules.Pass], printed.Count(len(h.results), "probe"))
	switch n[rules.Warn] {
	case 0:
	case 1:
		passed += ", 1 has a warning"
	default:
		passed += fmt.Sprintf(", %d have warnings", n[rules.Warn])
	}
	return rules.Pass, passed + ", at " + h.place.String() + "."
}

// verdicts counts the results by verdict.
func (h *passed) verdicts() (n [rules.NotApplicable + 1]int) {
	for i := range h.results {
		n[h.results[i].Verdict]++
	}
	return n
}

// about writes what was found at a hop: failures first, then warnings.
func (c *Chaining) about(t *probeText, b *bytes.Buffer, h *passed) {
	upgrades := "a valid WebSocket handshake does not pass: what needs a tunnel is n/a"
	switch {
	case h.report.Tunnels:
		upgrades = "a valid WebSocket handshake passes"
	case len(h.results) == 0:
		upgrades = "nothing was sent"
	}
	t.entry(b, " ", fmt.Sprintf("hop %s at %s: %s", h.place, h.hop.Address, upgrades))
	c.versionsAt(t, b, h)
	n := h.verdicts()
	t.entry(b, " ", fmt.Sprintf("RESULT fail=%d warn=%d unclear=%d pass=%d na=%d not-sent=%d", n[rules.Fail], n[rules.Warn], n[rules.Unclear], n[rules.Pass], n[rules.NotApplicable], len(h.report.NotSent)))
	if d := h.report.Dropped; d != (chain.Dropped{}) {
		t.entry(b, " ", fmt.Sprintf("more came to the sink than it keeps: it dropped %s and %s. If that was not the proxy, have --listen reachable by it only.",
			printed.Count(d.Requests, "request"), printed.Count(d.Connections, "connection")))
	}
	told, brief := map[string]bool{}, false
	for _, alike := range h.alike() {
		for i, r := range alike {
			if i > 0 && !c.Flags.Verbose {
				brief = true
				c.also(t, b, alike[0], r)
			} else {
				c.found(t, b, r, told)
			}
		}
	}
	if brief {
		b.WriteByte('\n')
		t.entry(b, " ", "Both sides are shown of the first probe that breaks a rule; -v shows those of all.")
	}
	if c.Flags.Verbose {
		b.WriteByte('\n')
		for i := range h.results {
			r := &h.results[i]
			if r.Verdict >= rules.Pass {
				beginning := fmt.Sprintf("   %s %-*s ", t.marks.Verdict(r.Verdict, rules.Info), idWidth, r.Probe.ID)
				t.hang(b, beginning, idWidth+11, strings.Join(append(slices.Clone(r.Facts), r.Why), "; "))
			}
		}
	}
	reasons := map[string][]string{}
	for _, s := range h.report.NotSent {
		reasons[s.Reason] = append(reasons[s.Reason], s.Probe.ID)
	}
	for reason, ids := range reasons {
		t.entry(b, " ", fmt.Sprintf("not sent (%d): %s: %s", len(ids), reason, strings.Join(ids, ", ")))
	}
}

// alike returns the results that did not pass, failures first, and together those that broke the same
// rules.
func (h *passed) alike() (all [][]*chain.Result) {
	for v := rules.Fail; v <= rules.Unclear; v++ {
		first := map[string]int{}
		for i := range h.results {
			r := &h.results[i]
			if r.Verdict != v {
				continue
			}
			ids, _ := broken(r)
			key := strings.Join(ids, ",")
			at, known := first[key]
			if !known {
				at, first[key] = len(all), len(all)
				all = append(all, nil)
			}
			all[at] = append(all[at], r)
		}
	}
	return all
}

// broken returns the IDs of the rules that a result broke, and what it says of each.
func broken(r *chain.Result) (ids, sentences []string) {
	for i := range r.Ruling.Findings {
		if f := &r.Ruling.Findings[i]; f.Verdict < rules.Pass {
			ids, sentences = append(ids, f.Rule.ID), append(sentences, f.Detail)
		}
	}
	return ids, sentences
}

// title writes the first line about a result.
func (*Chaining) title(t *probeText, b *bytes.Buffer, r *chain.Result, ids []string) {
	severity := r.Ruling.Severity()
	t.hang(b, fmt.Sprintf("   %s %s ", t.marks.Verdict(r.Verdict, severity), r.Probe.ID), 8, fmt.Sprintf("%v, %s", severity, strings.Join(ids, ", ")))
}

// also writes a result that broke the same rules as one that was written whole.
func (c *Chaining) also(t *probeText, b *bytes.Buffer, first, r *chain.Result) {
	_, known := broken(first)
	ids, sentences := broken(r)
	c.title(t, b, r, ids)
	for _, sentence := range sentences {
		if !slices.Contains(known, sentence) {
			t.entry(b, "     ", sentence)
		}
	}
	if r.Why != "" {
		t.entry(b, "     ", r.Why)
	}
	t.entry(b, "     ", "sent: "+r.Probe.Label)
	for i := range r.Ruling.Findings {
		if f := &r.Ruling.Findings[i]; f.Verdict == rules.Fail {
			c.state(t, b, f)
		}
	}
}

// state writes whether a finding is new, where a baseline or an accepted finding makes that a question.
func (c *Chaining) state(t *probeText, b *bytes.Buffer, f *rules.Finding) {
	if f.State == rules.StateAccepted || c.Accepting.States.Baseline != nil {
		t.entry(b, "     ", "state: "+f.State)
	}
}

// found writes a result that did not pass: the sentences, and the heads of both sides.
func (c *Chaining) found(t *probeText, b *bytes.Buffer, r *chain.Result, told map[string]bool) {
	b.WriteByte('\n')
	ids, sentences := broken(r)
	c.title(t, b, r, ids)
	for _, sentence := range sentences {
		t.entry(b, "     ", sentence)
	}
	if r.Why != "" {
		t.entry(b, "     ", r.Why)
	}
	t.entry(b, "     ", "sent: "+r.Probe.Label)
	t.entry(b, "     ", "correct: "+r.Probe.Want)
	c.remedies(t, b, r.Ruling, told)
	sides, err := report.Sides(r.Ruling)
	if err == nil {
		t.sides(b, sides)
	}
}

// remedies writes what to change, for each rule that a probe has failed. Told are those of which that
// was written before.
func (c *Chaining) remedies(t *probeText, b *bytes.Buffer, r *rules.Ruling, told map[string]bool) {
	for i := range r.Findings {
		f := &r.Findings[i]
		if f.Verdict != rules.Fail {
			continue
		}
		c.state(t, b, f)
		if told[f.Rule.ID] {
			t.entry(b, "     ", "fix: as above, for "+f.Rule.ID)
			continue
		}
		told[f.Rule.ID] = true
		if i := slices.IndexFunc(r.Diagnoses, func(d rules.Diagnosis) bool { return slices.Contains(d.Explains, f.Rule.ID) }); i >= 0 {
			d := &r.Diagnoses[i]
			t.entry(b, "     ", "cause: "+printed.Cause(d))
			t.fixes(b, d.Fix)
			t.entry(b, "     ", "more: interlock rules "+f.Rule.ID+", interlock diagnoses "+d.ID)
			continue
		}
		t.fixes(b, f.Rule.Fix)
		t.entry(b, "     ", "more: interlock rules "+f.Rule.ID)
	}
}

// compare writes a table of the hops.
func (c *Chaining) compare(t *probeText, b *bytes.Buffer) {
	if !slices.ContainsFunc(c.hops, func(h *passed) bool { return len(h.results) > 0 }) {
		return
	}
	b.WriteByte('\n')
	rows := [][]string{{"PROBE"}}
	for i, h := range c.hops {
		name := h.place.String()
		if h.route != h.place.host {
			name += " (" + h.route + ")"
		}
		t.entry(b, " ", fmt.Sprintf("%d = %s", i+1, name))
		rows[0] = append(rows[0], fmt.Sprint(i+1))
	}
	rows[0] = append(rows[0], "WHAT IT SENDS")
	for _, p := range c.probes {
		row, differ := []string{p.ID}, false
		for _, h := range c.hops {
			cell := ""
			for i := range h.results {
				if h.results[i].Probe.ID == p.ID {
					cell = printed.MarkOf(h.results[i].Verdict).Word
				}
			}
			differ = differ || cell != "pass"
			row = append(row, cell)
		}
		if differ {
			rows = append(rows, append(row, p.Label))
		}
	}
	if len(rows) > 1 {
		writeTable(b, rows, 0)
	}
}
