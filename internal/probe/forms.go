package probe

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// A form is a form of the valid handshake, plain or with more headers.
type form struct {
	step string // what it has beside the base
	edit rules.Edit
}

// forms returns the forms of the handshake on a base, each with more headers than the one before.
func forms(base *rules.Handshake) []form {
	has := func(name, value string) bool {
		return slices.ContainsFunc(base.Lines, func(l rules.Line) bool {
			return wire.EqualFold(l.Name, name) && (value == "" || l.Value == value)
		})
	}
	const list = "keep-alive, Upgrade" // as Firefox says it
	forms := []form{{edit: rules.Edits()}}
	add := func(name, value string) {
		last := forms[len(forms)-1]
		step := strings.TrimPrefix(last.step+"; "+name+": "+value, "; ")
		forms = append(forms, form{step, rules.Edits(last.edit, rules.Set(name, value))})
	}
	if !has("Origin", "") {
		add("Origin", base.Scheme+"://"+base.Host)
	}
	if !has("Connection", list) {
		add("Connection", list)
	}
	return forms
}

// climb sends the controls before the first probe: the WebSocket handshake in richer and richer
// forms until one is accepted, and that once more; a request without an offer; and the h2c offer if
// h2c is requested.
func (r *run) climb(ctx context.Context, h2c bool) error {
	ws, plain := r.family("websocket", "CTRL-WS"), r.family("http", "CTRL-PLAIN")
	got, err := r.tryForms(ctx, ws, renewal{})
	if err != nil {
		return err
	}
	first, raw := got[0], [][]byte{}
	for _, each := range got {
		raw = append(raw, each.raw)
	}
	if !ws.accepted {
		if err := r.startAfresh(ctx, ws, first); err != nil {
			return err
		}
	}
	a, err := r.meet(ctx, plain)
	if err != nil {
		return err
	}
	if err := r.understood(append(raw, a.raw), first.x, a.x); err != nil {
		return err
	}
	r.alive = plain
	if ws.accepted {
		r.alive = ws
	}
	if h2c {
		f := r.family("h2c", "CTRL-H2C")
		if _, err := r.meet(ctx, f); err != nil {
			return err
		}
		if rules.Accepted(f.control.Exchange) {
			return r.confirm(ctx, f)
		}
	}
	return nil
}

// tryForms sends the WebSocket handshake in richer and richer forms until one is accepted, then
// sends that form once more. If there is a renewal, each handshake has a session of its own.
// tryForms returns all answers, at least one.
func (r *run) tryForms(ctx context.Context, ws *family, w renewal) (got []answer, err error) {
	r.session = w.fetch
	for _, step := range forms(r.target.Base) {
		r.form = step.edit
		if w.edit != nil {
			r.form = rules.Edits(w.edit, step.edit)
		}
		a, err := r.meet(ctx, ws)
		if err != nil {
			return got, err
		}
		got = append(got, a)
		ws.control.Step = strings.TrimSuffix(w.step+"; "+step.step, "; ")
		if w.step == "" {
			ws.control.Step = step.step
		}
		if rules.Accepted(a.x) || a.x.Response == nil {
			break // a server that is silent on the plain form will not answer richer ones
		}
	}
	if rules.Accepted(ws.control.Exchange) {
		return got, r.confirm(ctx, ws)
	}
	return got, nil
}

// startAfresh tries the handshake in a new session if its target names a session that may have
// ended. If that does not help, the answer to the plain form stands.
func (r *run) startAfresh(ctx context.Context, ws *family, first answer) error {
	single, step := ws.control.Single, ws.control.Step
	last, was := ws.control.Exchange, r.form
	if first.x.Response != nil {
		for _, w := range renewals(r.target.Base) {
			if _, err := r.tryForms(ctx, ws, w); err != nil && !errors.As(err, new(*suppliedError)) {
				return err
			}
			if ws.accepted {
				ws.control.Single = false
				return nil
			}
		}
	}
	r.form, r.session, ws.control.Single = rules.Edits(), nil, single
	if single {
		ws.control.Step, ws.control.Exchange, r.form = step, last, was
		return nil
	}
	ws.control.Step, ws.responds = "", first.x.Response != nil
	ws.note(first, r.settings.Head)
	return nil
}

// meet sends a control before the first probe. If nothing can be sent, the target cannot be probed.
func (r *run) meet(ctx context.Context, f *family) (answer, error) {
	patience := r.controlPatience(f)
	a := r.sendControl(ctx, f, patience, true)
	switch err := a.err; {
	case err == nil:
	case ctx.Err() != nil:
		return a, ctx.Err()
	case errors.As(err, new(*suppliedError)):
		return a, err
	default:
		return a, &TargetError{r.target.Address, kindOf(err), reason(err)}
	}
	f.note(a, patience)
	f.responds = a.x.Response != nil
	if f.took = max(f.took, a.x.Took); !f.responds {
		f.took = r.settings.Head
	}
	r.progress(Progress{Total: r.total})
	return a, nil
}

// confirm sends an accepted control once more.
func (r *run) confirm(ctx context.Context, f *family) error {
	a, err := r.meet(ctx, f)
	if err != nil {
		return err
	}
	if f.takes(a.x) {
		f.accepted, f.good, f.control.Accepted = true, true, true
		r.mute = r.mute || f.control.Protocol == "websocket" && !readFrames(a.x.After.Server).pong
		return nil
	}
	status := 0
	if a.x.Response != nil {
		status = a.x.Response.Status
	}
	f.control.Single = status != 101 && status != 429 && status != 503
	return nil
}

// understood reports whether the server speaks HTTP, judging by the first bytes of each connection.
func (c *caller) understood(raw [][]byte, exchanges ...*wire.Exchange) error {
	for _, x := range exchanges {
		if x.Response == nil {
			continue
		}
		if x.Response.Status == 400 && c.tls == nil && slices.ContainsFunc(raw, complains) {
			return &TargetError{c.target.Address, ErrWantsTLS, fmt.Errorf("it answers %q", x.Response.Text(x.Response.Start))}
		}
		return nil
	}
	for _, b := range raw {
		switch {
		case len(b) >= 3 && b[0] == 0x15 && b[1] == 3: // an alert of TLS (RFC 8446 §6)
			return &TargetError{c.target.Address, ErrWantsTLS, nil}
		case len(b) >= 9 && b[0] == 0 && b[3] == 4 && b[5]|b[6]|b[7]|b[8] == 0: // SETTINGS (RFC 9113 §6.5)
			return &TargetError{c.target.Address, ErrOnlyHTTP2, nil}
		case len(b) > 0 && !begun(b):
			return &TargetError{c.target.Address, ErrNotHTTP, fmt.Errorf("it begins with \"%s\"", wire.Escape(b[:min(len(b), 32)]))}
		}
	}
	return nil
}

// begun reports whether these bytes are, or may become, a response. Its head may be slow or
// endless.
func begun(b []byte) bool {
	const start = "HTTP/1."
	n := min(len(b), len(start))
	return string(b[:n]) == start[:n]
}

// complains reports whether a server says that it was asked without TLS, in the words of net/http, nginx or Apache.
func complains(b []byte) bool {
	return bytes.Contains(b, []byte("to an HTTPS server")) || bytes.Contains(b, []byte("sent to HTTPS port")) ||
		bytes.Contains(b, []byte("plain HTTP to an SSL-enabled"))
}
