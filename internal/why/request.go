package why

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/interlock-proxy/interlock/internal/diagnose"
	"github.com/interlock-proxy/interlock/internal/printed"
	"github.com/interlock-proxy/interlock/internal/probe"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// An attempt is a request that was sent, and its result.
type attempt struct {
	form
	x         *wire.Exchange // nil: there was no connection
	ruling    *rules.Ruling
	diagnoses []rules.Diagnosis
	err       error // why there was no connection, or why the answer is not HTTP
}

// send sends a request, and records its result as a step of that name.
func (w *walker) send(ctx context.Context, name string, f form) *attempt {
	a := &attempt{form: f}
	if w.left == 0 || ctx.Err() != nil {
		a.err = errors.New("not sent")
		return a
	}
	if w.pace != nil && w.pace.Wait(ctx) != nil {
		a.err = errors.New("not sent")
		return a
	}
	w.left--
	began := time.Now()
	a.x, a.err = probe.Send(ctx, probe.Target{Address: w.address, TLS: w.target.TLS, Route: "default", Base: f.request()}, probe.Settings{
		Dial: w.settings.Timeout, Head: w.settings.Timeout,
	})
	if ctx.Err() != nil {
		a.x, a.err = nil, ctx.Err()
		return a
	}
	if a.x != nil {
		a.judge()
	}
	w.take(a.step(name, time.Since(began), w.settings.Timeout))
	w.follow(ctx, a)
	return a
}

// follow looks whether the server still accepts connections after a request that it has closed, or could
// not be connected for. Of several that were closed, the first one is to blame.
func (w *walker) follow(ctx context.Context, a *attempt) {
	if a.x == nil {
		if w.last != nil && errors.Is(a.err, probe.ErrUnreachable) {
			w.lost(a.err)
		}
		return
	}
	if !a.closed() || !w.last.closed() {
		w.last = a
	}
	if !a.closed() {
		return
	}
	conn, err := (&net.Dialer{Timeout: w.settings.Timeout}).DialContext(ctx, "tcp", w.address)
	switch {
	case err == nil:
		conn.Close()
	case ctx.Err() == nil:
		w.lost(err)
	}
}

// closed reports whether the server closed the connection without an answer.
func (a *attempt) closed() bool {
	return a != nil && a.x != nil && a.x.Response == nil && a.x.Outcome == wire.Closed
}

// lost ends the walk: the server accepted connections before, and accepts none now.
func (w *walker) lost(err error) {
	w.report.Diagnoses = nil
	w.found(stopped(w.address, err, w.last))
	w.gone, w.left = true, 0
}

// judge judges and explains the exchange.
func (a *attempt) judge() {
	a.ruling = rules.Classify(rules.Case{X: a.x})
	if a.x.Request.Has("Upgrade") || a.x.Request.Has(":protocol") {
		a.diagnoses = diagnose.Of(a.ruling)
	}
}

// step is the attempt as it is reported.
func (a *attempt) step(name string, took, timeout time.Duration) Step {
	s := Step{Name: name, What: a.what, OK: a.works() || name == "get" && a.x != nil && a.x.Response != nil && a.err == nil, Answer: a.answer(timeout), Took: took}
	if s.Neutral = name == "change" || name == "path"; s.Neutral && a.x != nil && a.err == nil && a.x.Response != nil && a.x.Outcome != wire.Switched {
		s.Answer = statusLine(a.x.Response)
	}
	if a.x != nil && a.x.Response != nil {
		s.Status, s.Took = a.x.Response.Status, a.x.Took
	}
	if a.http2 {
		s.HTTP = "2"
	}
	if a.ruling != nil {
		s.Verdict, s.Broken = a.ruling.Verdict.String(), a.ruling.Broken()
	}
	for _, d := range a.diagnoses {
		s.Explains = append(s.Explains, d.ID)
	}
	return s
}

// answer is the result of the attempt, in a few words.
func (a *attempt) answer(timeout time.Duration) string {
	switch {
	case a.x == nil && errors.Is(a.err, probe.ErrUnreachable):
		return refusal(a.err)
	case a.x == nil:
		return a.err.Error()
	case a.err != nil:
		return errors.Unwrap(kindOnly{a.err}).Error()
	case a.x.Response != nil:
		return a.responded()
	}
	switch a.x.Outcome {
	case wire.Silent:
		return fmt.Sprintf("no answer within %v", timeout)
	case wire.Closed:
		if a.x.Cause == wire.CauseServerReset {
			return "the server reset the connection without an answer"
		}
		return "the server closed the connection without an answer"
	case wire.Reset:
		if s := a.x.Stream; s != nil && s.Server.End == wire.StreamReset {
			return "the server reset the stream: " + s.Server.Code.String()
		}
		return "the client reset the stream without waiting for the answer"
	case wire.GoneAway:
		return "the server ended the connection before it looked at the request (GOAWAY)"
	}
	return "the answer is not an HTTP response"
}

// kindOnly is an error of a target without its address.
type kindOnly struct{ err error }

func (k kindOnly) Error() string { return k.err.Error() }

// Unwrap returns the kind of the error.
func (k kindOnly) Unwrap() error {
	var t *probe.TargetError
	if errors.As(k.err, &t) {
		if t.Err != nil {
			return fmt.Errorf("%w: %w", t.Kind, t.Err)
		}
		return t.Kind
	}
	return k.err
}

// statusLine is the status and the reason of a response.
func statusLine(p *wire.Response) string {
	line := string(p.Text(p.Start))
	if _, rest, ok := strings.Cut(line, " "); ok {
		line = rest
	}
	return printed.Escaped(strings.TrimSpace(line), 60)
}

// responded is the response in a few words.
func (a *attempt) responded() string {
	p := a.x.Response
	text := statusLine(p)
	for _, name := range []string{"Content-Type", "Server"} {
		if a.x.Outcome == wire.Switched {
			break
		}
		for v := range p.Values(name) {
			text += ", " + name + " " + rules.Quote(printed.Cut(string(p.Text(v)), 60))
			break
		}
	}
	if flaw := rules.HandshakeFlaw(a.x); flaw != "" {
		return text + ", " + flaw + ": clients drop it"
	}
	if a.x.Outcome == wire.Switched {
		text += ", " + a.tunnel()
	}
	if slices.ContainsFunc(a.diagnoses, isDropped) {
		text += ", but clients drop it"
	}
	return text
}

// works reports whether the handshake was accepted, and the tunnel is one.
func (a *attempt) works() bool {
	return a.x != nil && a.err == nil && rules.Accepted(a.x) && !framesOf(a.x).broken(a.x) && !slices.ContainsFunc(a.diagnoses, isDropped)
}

// isDropped reports whether a diagnosis means that clients drop the connection after the 101. It
// is then the reason, whoever caused it.
func isDropped(d rules.Diagnosis) bool {
	k := diagnose.Find(d.ID)
	switch {
	case k == nil, d.ID == "body-headers-in-101": // clients ignore those
		return false
	case k.Family == diagnose.Dropped:
		return true
	}
	return slices.Contains([]string{"stripped-101", "chunked-tunnel", "extra-crlf", "response-after-101"}, d.ID)
}

// status is the status of the response; 0 without one.
func (a *attempt) status() int {
	if a.x == nil || a.x.Response == nil {
		return 0
	}
	return a.x.Response.Status
}

// short is the answer for a sentence: the status, or the answer in its place.
func (a *attempt) short() string {
	switch {
	case a.x == nil:
		return "no connection"
	case a.x.Outcome == wire.Reset:
		return "a reset"
	case a.x.Response != nil:
		return fmt.Sprint(a.x.Response.Status)
	case a.x.Outcome == wire.Silent:
		return "no answer"
	case a.x.Outcome == wire.Closed:
		return "a closed connection"
	}
	return "no HTTP response"
}
