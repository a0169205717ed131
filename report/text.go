package report

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

var _ = register(Format{
	Name: "text", Title: "for people: a line an exchange, then what failed and how to mend it",
	Open: func(w io.Writer, o Options) Writer {
		return &textWriter{w: w, Options: o, failures: map[string]*failure{}, places: map[string]*place{}}
	},
})

// textWriter writes a line for each exchange as it comes. Failures are told in full at the end, each once.
type textWriter struct {
	w io.Writer
	Options
	run      string              // that the last line was of
	failures map[string]*failure // by rule
	places   map[string]*place   // by fingerprint
	order    []*failure
}

// A failure is one rule that failed, and where it did.
type failure struct {
	rule   *rules.Rule
	places []*place // at most maxPlaces
	more   int      // places beside those
}

// A place is an endpoint at which a rule failed.
type place struct {
	ruling *rules.Ruling // the first exchange that showed it
	count  int
}

// maxPlaces is how many endpoints of a failure are told one by one.
const maxPlaces = 20

// Write writes the line of an exchange.
func (t *textWriter) Write(r *rules.Ruling) error {
	var b bytes.Buffer
	if r.Run != t.run {
		t.run = r.Run
		fmt.Fprintf(&b, " %s\n", wire.Escape([]byte(r.Run)))
	}
	x := r.X
	answer := string(x.Outcome)
	if x.Response != nil {
		answer = fmt.Sprint(x.Response.Status)
	}
	fmt.Fprintf(&b, " %s %s %-5s %-7s %-28s %-6s %s%s\n", x.Time.UTC().Format("15:04:05.000"), t.verdict(r.Verdict, r.Benign()),
		short(x.Protocol()), clip(x.Request.Method, 12), clip(r.Target(), 60), answer, cause(r), fidelity(x))
	for i := range r.Findings {
		if f := &r.Findings[i]; f.Verdict == rules.Fail {
			t.note(r, f)
		}
	}
	return t.flush(&b)
}

// severity is the worst one of the places that are told.
func (f *failure) severity() (worst rules.Severity) {
	for _, p := range f.places {
		worst = max(worst, p.ruling.Find(f.rule.ID).Severity)
	}
	return worst
}

// note remembers a failure for the end.
func (t *textWriter) note(r *rules.Ruling, f *rules.Finding) {
	name := r.Fingerprint(f)
	if p := t.places[name]; p != nil {
		p.count++
		return
	}
	p := &place{count: 1}
	t.places[name] = p
	known := t.failures[f.Rule.ID]
	if known == nil {
		known = &failure{rule: f.Rule}
		t.failures[f.Rule.ID] = known
		t.order = append(t.order, known)
	}
	if len(known.places) == maxPlaces {
		known.more++
		return
	}
	p.ruling = r
	known.places = append(known.places, p)
}

// cause is what is wrong with an exchange, in one line: the rules and, where one was broken, the sections.
func cause(r *rules.Ruling) string {
	words := r.Broken()
	if len(words) == 0 {
		return string(r.X.Outcome)
	}
	if r.Verdict < rules.Unclear {
		for _, ref := range r.Find(words[0]).Refs {
			words = append(words, ref.String())
		}
	}
	return strings.Join(words, " ")
}

// fidelity says what is not known of an exchange that was read from a file.
func fidelity(x *wire.Exchange) string {
	if len(x.Lossy) == 0 {
		return ""
	}
	return "   (not in the file: " + strings.Join(x.Lossy, ", ") + ")"
}

// Close tells the failures, what was not audited, and the result.
func (t *textWriter) Close(s *Summary) error {
	var b bytes.Buffer
	if len(t.order) > 0 {
		fmt.Fprintf(&b, "\n failures (%s in %s)\n", several(len(t.order), "rule"), several(int(s.Verdicts[rules.Fail]), "exchange"))
	}
	slices.SortStableFunc(t.order, func(f, g *failure) int { return cmp.Compare(g.severity(), f.severity()) })
	for _, f := range t.order {
		t.failure(&b, f)
	}
	if len(s.Notes) > 0 {
		b.WriteString("\n not audited\n")
		for _, note := range s.Notes {
			fmt.Fprintf(&b, "   %s\n", wire.Escape([]byte(note)))
		}
	}
	fmt.Fprintf(&b, "\n %s\n", s.Result())
	return t.flush(&b)
}

func (t *textWriter) failure(b *bytes.Buffer, known *failure) {
	rule := known.rule
	fmt.Fprintf(b, "   %s %s   %s\n", t.verdict(rules.Fail, false), rule.ID, rule.Title)
	for _, p := range known.places {
		f := p.ruling.Find(rule.ID)
		var refs []string
		for _, ref := range f.Refs {
			refs = append(refs, ref.String())
		}
		who := f.Party.String()
		if f.Attribution != "" {
			who = f.Attribution
		}
		fmt.Fprintf(b, "       %-6s %s   %s, %s, %s\n", "at", clip(p.ruling.Endpoint, 60), f.Severity, who, several(p.count, "exchange"))
		fmt.Fprintf(b, "       %-6s %s   %s\n", "", strings.Join(refs, ", "), f.Detail)
		if command := Again(p.ruling); command != "" {
			fmt.Fprintf(b, "       %-6s %s\n", "again", command)
		}
	}
	if known.more > 0 {
		fmt.Fprintf(b, "       %-6s %s more\n", "at", several(known.more, "endpoint"))
	}
	t.part(b, "why", rule.Why)
	t.part(b, "fix", rule.Fix)
	t.part(b, "more", "interlock rules "+rule.ID)
}

// several is a number and what it is of.
func several(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// part writes a text under its name, in lines of a length that can be read.
func (t *textWriter) part(b *bytes.Buffer, name, text string) {
	const width = 100
	for paragraph := range strings.SplitSeq(text, "\n") {
		line := ""
		for word := range strings.FieldsSeq(paragraph) {
			if line != "" && len(line)+1+len(word) > width {
				fmt.Fprintf(b, "       %-6s %s\n", name, line)
				name, line = "", ""
			}
			if line != "" {
				line += " "
			}
			line += word
		}
		if line != "" {
			fmt.Fprintf(b, "       %-6s %s\n", name, line)
			name = ""
		}
	}
}

// verdict is a verdict as colour, symbol and word. What nobody need look into is shown as information.
func (t *textWriter) verdict(v rules.Verdict, benign bool) string {
	mark := [...]struct{ color, symbol, plain, word string }{
		rules.Fail:          {"31", "✖", "x", "fail"},
		rules.Warn:          {"33", "!", "!", "warn"},
		rules.Unclear:       {"35", "?", "?", "?   "},
		rules.Pass:          {"32", "✓", "+", "pass"},
		rules.NotApplicable: {"2", "–", "-", "n/a "},
	}[v]
	if v == rules.Warn && benign {
		mark.color, mark.symbol, mark.plain, mark.word = "36", "i", "i", "info"
	}
	text := mark.symbol + " " + mark.word
	if t.ASCII {
		text = mark.plain + " " + mark.word
	}
	if t.Color {
		return "\x1b[" + mark.color + "m" + text + "\x1b[0m"
	}
	return text
}

// flush writes what has gathered. In ASCII, signs that have a name are named.
func (t *textWriter) flush(b *bytes.Buffer) error {
	text := b.Bytes()
	if t.ASCII {
		text = bytes.ReplaceAll(text, []byte("§"), []byte("section "))
		text = bytes.Map(func(r rune) rune {
			if r > '~' {
				return '?'
			}
			return r
		}, text)
	}
	_, err := t.w.Write(text)
	return err
}

func short(protocol string) string {
	if protocol == "websocket" {
		return "ws"
	}
	return protocol
}

// clip is text from the wire in printable ASCII, cut where it is long.
func clip(text string, most int) string {
	text = wire.Escape([]byte(text[:min(len(text), most)]))
	if len(text) > most {
		return text[:most-1] + "~"
	}
	return text
}
