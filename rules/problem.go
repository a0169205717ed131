package rules

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/interlock-proxy/interlock/wire"
)

// Problems are the sentences that findings of a rule consist of: one for an exchange in which the
// server switched, one for any other. Each %s is replaced by a value that was seen. A sentence is
// empty where the rule has no finding.
type Problems struct {
	Switched string `json:"switched,omitempty"`
	Refused  string `json:"refused,omitempty"`
}

// LabelOf returns the label for a finding with that verdict, of that party: it says that something was
// accepted only if a server did that, and failed for it.
func (r *Rule) LabelOf(v Verdict, party Party) string {
	if v == Fail && party != Client || strings.Contains(r.Label, "not accepted") {
		return r.Label
	}
	return strings.Replace(r.Label, " accepted", "", 1)
}

// Label returns the problem in a few words, for lists.
func (f *Finding) Label() string { return f.Rule.LabelOf(f.Verdict, f.Party) }

// Shown is the result of a rule's Show for one exchange. A sentence in Problem replaces that of the
// rule.
type Shown struct {
	Problem Problems
	Values  [3]string // one for each %s
	Spans   []Span
}

// seen inserts values into the rule's own sentence.
func seen(at []Span, values ...string) Shown { return varies(Problems{}, at, values...) }

// says inserts values into a sentence that applies whether the server switched or not. An empty
// sentence means the rule's own.
func says(sentence string, at []Span, values ...string) Shown {
	return varies(Problems{Switched: sentence, Refused: sentence}, at, values...)
}

// varies inserts values into other sentences than the rule's.
func varies(p Problems, at []Span, values ...string) Shown {
	s := Shown{Problem: p, Spans: at}
	copy(s.Values[:], values)
	return s
}

// fillIn inserts values into a sentence. A %s in a value stays as it is.
func fillIn(sentence string, values *[3]string) string {
	var b strings.Builder
	b.Grow(len(sentence) + len(values[0]) + len(values[1]) + len(values[2]))
	for _, value := range values {
		before, after, found := strings.Cut(sentence, "%s")
		if !found {
			break
		}
		b.WriteString(before)
		b.WriteString(value)
		sentence = after
	}
	b.WriteString(sentence)
	return b.String()
}

// detail returns the text of a finding that is not a pass: the problem, how the server reacted, and
// the note.
func (c *Case) detail(res Result, attribution string, s Shown) string {
	text := ""
	switch refused := res.answered && !c.leftHTTP; {
	case refused && c.probe != nil:
		text = probeProblem(c, c.probe)
	case refused:
		text = fillIn(cmp.Or(s.Problem.Refused, c.rule.Problem.Refused), &s.Values) + afterRefusal(c)
	default:
		text = fillIn(c.sentence(res, s), &s.Values)
	}
	return withNote(c.nameHop(orProxy(text, attribution)), res.Note)
}

// orProxy makes a text begin with both parties that may be at fault.
func orProxy(text, attribution string) string {
	if rest, ok := strings.CutPrefix(text, "Client "); ok && attribution == "client or intermediary" {
		return "Client or proxy " + rest
	}
	if rest, ok := strings.CutPrefix(text, "Server "); ok && attribution == "server or intermediary" {
		return "Server or proxy " + rest
	}
	return text
}

// sentence returns the sentence that applies. If the server switched and the client is still at
// fault, the sentence is about the client.
func (c *Case) sentence(res Result, s Shown) string {
	switched := cmp.Or(s.Problem.Switched, c.rule.Problem.Switched)
	refused := cmp.Or(s.Problem.Refused, c.rule.Problem.Refused)
	switch {
	case !c.leftHTTP:
		return cmp.Or(refused, switched)
	case res.answered && res.Party == Client && !strings.HasPrefix(switched, "Client"):
		return refused + "; the server accepted the upgrade"
	}
	return cmp.Or(switched, refused)
}

// afterRefusal describes how a server that did not switch reacted to a request in live traffic.
func afterRefusal(c *Case) string {
	if s := c.X.Stream; s != nil && s.Server.End == wire.StreamReset && c.X.Response == nil {
		return ", and the server reset the stream (" + s.Server.Code.String() + ")"
	}
	switch c.answer() {
	case answeredClose:
		return "; the server closed the connection without an answer"
	case answeredNothing, answeredWait:
		return "; no answer was seen"
	case answeredNoise:
		return "; the answer is not HTTP"
	}
	return fmt.Sprintf(", and the server answered %d", c.status())
}

// probeProblem says what is wrong with the answer to a probe.
func probeProblem(c *Case, p *Probe) string {
	what, text := "handshake", ""
	if p.Class == Alive {
		what = "request"
	}
	switch a := c.answer(); {
	case a == answeredSwitch:
		return p.switchProblem()
	case a == answeredClose:
		return "Server closed the connection without an answer: " + p.Label
	case a == answeredNothing, a == answeredWait:
		return "Server did not answer this " + what + ": " + p.Label
	case a == answeredNoise:
		return "Server sent bytes that are not an HTTP response: " + p.Label
	case a == answeredBusy:
		text = "Server was too busy to evaluate this " + what
	case a == answeredError:
		text = "Server failed on this " + what
	case p.Class == Accept, p.Class == Interop:
		text = "Server did not accept a valid handshake"
	case p.Class == Negotiate:
		text = "Server rejected the handshake instead of declining the offer"
	case a == answeredNormal && p.Class == Refuse400:
		text = "Server processed this request instead of rejecting it with 400"
	case a == answeredNormal:
		text = "Server did not reject this handshake"
	default:
		text = "Server rejected this handshake"
	}
	if c.X.Response == nil {
		return fmt.Sprintf("%s: %s (answered by a reset of the stream)", text, p.Label)
	}
	return fmt.Sprintf("%s: %s (answered %d)", text, p.Label, c.status())
}

// switchProblem describes what is wrong with a 101 to the probe if its rule does not apply to the
// response.
func (p *Probe) switchProblem() string {
	switch {
	case p.Class.Refuses():
		return "Server accepted a malformed handshake: " + p.Label
	case p.Class == Alive:
		return "Server switched protocols on a plain request: " + p.Label
	case p.Class == Body, p.Class == Expect:
		return "Server accepted a handshake with a body, and nothing shows what it did with the body: " + p.Label
	}
	return "Server accepted this upgrade: " + p.Label
}

// withNote appends a note to a text.
func withNote(text, note string) string {
	if note == "" {
		return text
	}
	return text + "; " + note
}
