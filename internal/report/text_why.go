package report

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/interlock-proxy/interlock/internal/printed"
	"github.com/interlock-proxy/interlock/rules"
)

// maxShownWhys is how many groups of diagnoses the text report explains.
const maxShownWhys = 50

// explained writes below the line of an exchange what explains it, and how many more diagnoses it
// has.
func (t *textWriter) explained(b *bytes.Buffer, r *rules.Ruling) {
	if len(r.Diagnoses) == 0 || t.Quiet {
		return
	}
	text := printed.Why(&r.Diagnoses[0])
	var others []string
	for i := range r.Diagnoses[1:] {
		others = append(others, printed.Text(r.Diagnoses[1+i].ID))
	}
	if len(others) > 0 {
		text += "   (also " + strings.Join(others, ", ") + ")"
	}
	t.entry(b, "       why    ", nameWidth, text)
}

// why writes the diagnoses, by kind and cause.
func (t *textWriter) why(b *bytes.Buffer) {
	all := t.whys.sorted()
	if len(all) == 0 {
		return
	}
	t.title(b, "why ("+printed.Count(len(all), "cause")+" in "+printed.Count(t.whys.exchanges, "exchange")+")")
	for _, w := range all[:min(len(all), maxShownWhys)] {
		name := w.name() + "   "
		t.entry(b, "   "+name, 3+len(name), printed.Count(w.count, "exchange")+": "+w.observed())
		t.part(b, "cause", printed.Cause(&w.Diagnosis))
		t.part(b, "at", w.where())
		if rules := w.related(); rules != "" {
			t.part(b, "also", "explains "+rules)
		}
		name = "fix"
		for _, line := range w.fixes() {
			t.part(b, name, line)
			name = ""
		}
		t.part(b, "more", printed.MoreOf(&w.Diagnosis))
	}
	if n := len(all) - maxShownWhys; n > 0 {
		fmt.Fprintf(b, "   ... and %s more\n", printed.Count(n, "cause"))
	}
	if t.whys.more > 0 {
		fmt.Fprintf(b, "   ... diagnoses that are not grouped: %s\n", printed.Thousands(t.whys.more))
	}
}
