package interlocktest

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"github.com/interlock-proxy/interlock/internal/printed"
	"github.com/interlock-proxy/interlock/internal/probe"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// The bounds of the bytes that a failure shows.
const (
	maxLines = 24  // of one exchange
	maxLine  = 160 // characters
)

// failure is the text of a failure: the problem, the bytes, what to change, the rule, and how to run
// the test again.
func failure(r *rules.Ruling, f *rules.Finding, test string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%s", printed.Text(f.Detail), shown(r))
	b.WriteString(twins(r))
	fix, products, _ := strings.Cut(f.Rule.Fix, "\n")
	fmt.Fprintf(&b, "fix: %s\n", fix)
	for line := range strings.Lines(products) {
		fmt.Fprintf(&b, "     %s\n", strings.TrimSuffix(line, "\n"))
	}
	fmt.Fprintf(&b, "rule: %s (%s, %s): %s\n", f.Rule.ID, f.Severity, f.Rule.Level, f.Rule.Title)
	for _, ref := range f.Refs {
		fmt.Fprintf(&b, "      %s: %s, https://www.rfc-editor.org/rfc/rfc%s#section-%s\n", ref, ref.Text, ref.RFC, ref.Section)
	}
	fmt.Fprintf(&b, "again: %s", again(test))
	return b.String()
}

// shown is what was sent and received, in the notation of transcripts. Secrets are blanked out, and
// so is the payload of the server and of a client under test.
func shown(r *rules.Ruling) string {
	bare := *r
	bare.Findings, bare.Diagnoses = nil, nil // which take the most time
	b, err := bare.MarshalJSON()
	if err != nil {
		return err.Error() + "\n"
	}
	public, err := rules.ReadRuling(b)
	if err != nil {
		return err.Error() + "\n"
	}
	x := *public.X
	if r.X.Origin == wire.OriginProbe {
		x.After.Client, x.Early = r.X.After.Client, r.X.Early // of Interlock's own
	}
	_, lines, _ := strings.Cut("\n"+x.Transcript().String(), "\n\n")
	return bounded(lines)
}

// bounded shortens lines, and leaves out those in the middle of too many.
func bounded(text string) string {
	var b strings.Builder
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	for i, line := range lines {
		switch over := len(lines) - maxLines; {
		case over > 0 && i == maxLines/2:
			fmt.Fprintf(&b, "... %d more lines\n", over)
		case over > 0 && i > maxLines/2 && i < maxLines/2+over:
		case len(line) > maxLine:
			fmt.Fprintf(&b, "%s ... %d more characters\n", line[:maxLine], len(line)-maxLine)
		default:
			b.WriteString(line + "\n")
		}
	}
	return b.String()
}

// twins are the answers that the one to a probe was compared with.
func twins(r *rules.Ruling) string {
	p := rules.FindProbe(r.X.Probe)
	if p == nil {
		return ""
	}
	var b strings.Builder
	for _, is := range r.X.Twins {
		for _, t := range p.Twins {
			if t.Name == is.Name && is.X != nil {
				fmt.Fprintf(&b, "compared with: %s: %s\n", t.Text, answer(is.X))
			}
		}
	}
	return b.String()
}

// answer is the status of an answer or, without one, what happened.
func answer(x *wire.Exchange) string {
	switch {
	case x == nil:
		return "no answer"
	case x.Response != nil:
		return strconv.Itoa(x.Response.Status)
	case x.Outcome == wire.Silent:
		return "no answer in time"
	case x.Outcome == wire.Closed:
		return "no answer: the connection was closed"
	}
	return "no answer: " + string(x.Outcome)
}

// notAccepted is the text of the failure if a valid handshake is not accepted: what was answered, the
// bytes, and what to set.
func (s *session) notAccepted(c *probe.Control) string {
	x := c.Exchange
	what := "got " + answer(x)
	switch {
	case c.Single:
		what = "it accepted one and rejected the same again"
	case c.Flaw != "":
		what = fmt.Sprintf("got a %d %s, which no client accepts", x.Response.Status, c.Flaw)
	}
	text := fmt.Sprintf("Server does not accept a valid %s handshake at %s (%s); no probe was sent, because its rejections would prove nothing\n",
		offered(c), rules.Redaction{}.Target(s.target.Base.Path), what)
	if x != nil {
		text += shown(rules.Classify(rules.Case{X: x, Options: &s.audit.Options}))
	}
	return text + "fix: " + advice(c)
}

// offered names what a control offers.
func offered(c *probe.Control) string {
	switch c.Protocol {
	case "websocket":
		return "WebSocket"
	case rules.HTTP2WebSocket:
		return "WebSocket over HTTP/2"
	}
	return c.Offers()
}

// advice says what to set after a control that was not accepted.
func advice(c *probe.Control) string {
	switch {
	case c.Single:
		return "let the server accept the same handshake more than once, as clients send it when they connect again"
	case c.Flaw != "":
		return "correct the headers of the 101 first"
	case c.Exchange == nil || c.Exchange.Response == nil:
		return "see why the server does not answer: its log, or a lock that another test holds"
	}
	status := c.Exchange.Response.Status
	return cmp.Or(map[int]string{
		400: "send what its clients send: interlocktest.Subprotocol, Origin or Header",
		401: "send credentials: interlocktest.Header(\"Authorization\", ...) or Header(\"Cookie\", ...)",
		403: "send an origin or credentials that the server accepts: interlocktest.Origin, or Header(\"Cookie\", ...)",
		404: "set the path of the endpoint, such as interlocktest.Endpoint(\"/ws\")",
		405: "set the path of the endpoint, such as interlocktest.Endpoint(\"/ws\")",
		410: "set the path of the endpoint, such as interlocktest.Endpoint(\"/ws\")",
		426: "offer what the server asks for: interlocktest.Subprotocol, or Protocol(\"h2c\") if it speaks no WebSocket",
		429: "turn off the limit on the rate of connections in the test",
		503: "turn off the limit on connections in the test",
	}[status], map[int]string{
		2: "set the path of the endpoint, such as interlocktest.Endpoint(\"/ws\"): this one answers plain HTTP",
		3: "set the path or the URL that it redirects to",
		5: "see why the server fails on a valid handshake: its log is above, if it is a handler",
	}[status/100], "send what its clients send: interlocktest.Origin, Subprotocol or Header")
}
