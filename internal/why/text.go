package why

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/interlock-proxy/interlock/internal/printed"
	"github.com/interlock-proxy/interlock/internal/terminal"
	"github.com/interlock-proxy/interlock/rules"
)

// Text writes a walk for people, step by step.
type Text struct {
	W     io.Writer
	Marks *terminal.Console
	Width int // columns of a line; 100 if it is 0
	alike []string
	last  string // the answer at the last path; those of alike got the same
	err   error
}

// The columns of a line.
const (
	ordinary  = 100 // where there is no terminal
	least     = 40
	indent    = 3  // before what follows a mark
	whatWidth = 10 // of the name of a step
)

// Begin writes what the walk is about.
func (t *Text) Begin(url string) { t.printf(" why %s\n\n", t.shown(url)) }

// Step writes one step. Paths with the same answer as the one before are written together, before
// the step that follows them.
func (t *Text) Step(s *Step) {
	if s.Name == "path" && s.Neutral && s.Answer == t.last {
		t.alike = append(t.alike, s.What)
		return
	}
	t.writeAlike()
	if t.last = ""; s.Name == "path" && s.Neutral {
		t.last = s.Answer
	}
	mark := t.Marks.Symbol(rules.Pass)
	switch {
	case !s.OK && s.Neutral:
		mark = t.Marks.Symbol(rules.NotApplicable)
	case !s.OK:
		mark = t.Marks.Symbol(rules.Fail)
	}
	text := s.Answer
	if s.Took.Microseconds() > 0 {
		text += fmt.Sprintf(" (%.1f ms)", float64(s.Took.Microseconds())/1000)
	}
	if len(s.What) > whatWidth {
		t.hang(" "+mark+" ", indent, s.What+": "+text)
		return
	}
	t.hang(fmt.Sprintf(" %s %-*s ", mark, whatWidth, s.What), indent+whatWidth+1, text)
}

// writeAlike writes the paths that got the same answer.
func (t *Text) writeAlike() {
	if len(t.alike) > 0 {
		t.hang(" "+t.Marks.Symbol(rules.NotApplicable)+" ", indent, strings.Join(t.alike, ", ")+": the same answer")
	}
	t.alike = nil
}

// End writes the result: the summary and what to change.
func (t *Text) End(r *Report) error {
	t.writeAlike()
	if len(r.Steps) > 0 {
		t.printf("\n")
	}
	symbol := map[Result]rules.Verdict{Works: rules.Pass, Fails: rules.Fail, Unknown: rules.Unclear}[r.Result]
	t.hang(" "+t.Marks.Symbol(symbol)+" ", indent, r.Summary)
	for i := range r.Diagnoses {
		d := &r.Diagnoses[i]
		if i > 0 && d.Certainty < rules.Likely {
			break
		}
		t.printf("\n   What to change (%s):\n", d.ID)
		for line := range strings.SplitSeq(d.Fix, "\n") {
			t.hang("     ", 7, line)
		}
	}
	return t.err
}

// hang writes a text after a beginning, with the lines after the first one indented.
func (t *Text) hang(begin string, by int, text string) {
	lines := printed.Wrap(t.shown(text), t.columns()-by)
	for i, line := range lines {
		if i > 0 {
			begin = strings.Repeat(" ", by)
		}
		t.printf("%s%s\n", begin, strings.TrimRight(line, " "))
	}
}

func (t *Text) columns() int {
	if t.Width == 0 {
		return ordinary
	}
	return max(t.Width, least)
}

// shown is a text as this terminal can show it. What came from the wire is escaped before.
func (t *Text) shown(text string) string {
	if t.Marks.ASCII {
		return printed.ASCII(text)
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r >= 0x202a && r <= 0x202e {
			return '?'
		}
		return r
	}, text)
}

func (t *Text) printf(format string, v ...any) {
	if t.err == nil {
		_, t.err = fmt.Fprintf(t.W, format, v...)
	}
}

// JSON writes the report as one document.
func (r *Report) JSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(r)
}
