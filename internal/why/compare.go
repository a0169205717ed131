package why

import (
	"context"
	"fmt"
	"strings"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// compare finds out what makes the difference between a handshake that was accepted and those that
// were not.
func (w *walker) compare(ctx context.Context, good *attempt, all []*attempt) {
	var causes [][]string // groups of headers that were found to matter
	repeated := false
	for _, bad := range all {
		if bad.works() || bad.x == nil {
			continue
		}
		if bad.x.Outcome == wire.Switched {
			w.told(bad)
			continue
		}
		if !repeated { // a handshake may be good only once
			repeated = true
			if again := w.send(ctx, "change", good.once()); again.x != nil && !again.works() {
				w.found(changing(good, again))
				return
			}
		}
		if len(causes) > 0 { // often the cause is the same
			var names []string
			for _, c := range causes {
				names = append(names, c...)
			}
			if w.send(ctx, "change", bad.as(changed(bad.form, good.form, names), good.form, names)).works() {
				continue
			}
		}
		if names := w.explain(ctx, good, bad); names != nil {
			causes = append(causes, names)
		}
	}
}

// explain looks for the header that makes a handshake fail: it is the first one that the server
// accepts the handshake without, or as the accepted handshake has it. If no header does that alone,
// one after the other is changed. It returns the names of the headers, or nil.
func (w *walker) explain(ctx context.Context, good, bad *attempt) []string {
	var names []string
	for _, group := range differences(good.form, bad.form) {
		a := w.send(ctx, "change", bad.as(changed(bad.form, good.form, group), good.form, group))
		if a.works() {
			return w.blame(ctx, good, bad, a, group)
		}
	}
	for _, group := range differences(good.form, bad.form) {
		names = append(names, group...)
		if len(names) == len(group) {
			continue // that was tried
		}
		a := w.send(ctx, "change", bad.as(changed(bad.form, good.form, names), good.form, names))
		if a.works() {
			return w.blame(ctx, good, bad, a, names)
		}
	}
	w.found(bad.diagnoses...)
	return nil
}

// blame records that these headers make the difference. The failing handshake is sent once more, so
// that chance is not taken for a cause.
func (w *walker) blame(ctx context.Context, good, bad, mended *attempt, names []string) []string {
	if again := w.send(ctx, "change", bad.once()); again.works() {
		w.found(changing(bad, again))
		return nil
	}
	what := shownNames(names)
	_, was := bad.value(names[0])
	_, is := mended.value(names[0])
	switch {
	case bad.isBrowser() && what == "Origin" && was:
		w.found(rejectedOrigin(bad, w.target.origin()))
	case what == "Connection" && was && is:
		w.found(rejectedList(bad))
	case bad.isBrowser():
		w.found(rejectedHeader(bad, what, was))
	default: // browsers are accepted
		w.note("The server accepts browsers only: without %s it answers %s", what, bad.short())
	}
	return names
}

// isBrowser reports whether the handshake is that of a browser.
func (f form) isBrowser() bool { return f.what == "Chrome" || f.what == "Firefox" }

// changed says how a form is changed: "Firefox without Origin".
func changed(bad, good form, names []string) string {
	if len(names) > 3 {
		return fmt.Sprintf("%s with %d headers as in %s", bad.what, len(names), good.what)
	}
	var without, with []string
	for _, name := range names {
		_, was := bad.value(name)
		value, is := good.value(name)
		switch {
		case was && !is:
			without = append(without, name)
		case is && len(names) == 1:
			with = append(with, name+" "+rules.Quote(shortened(value)))
		case is:
			with = append(with, name)
		}
	}
	text := bad.what
	if len(without) > 0 {
		text += " without " + shownNames(without)
	}
	if len(with) > 0 {
		if len(without) > 0 {
			text += ","
		}
		text += " with " + shownNames(with)
	}
	return text
}

// shownNames are names of headers for a sentence.
func shownNames(names []string) string {
	if n := len(names); n > 3 {
		return strings.Join(names[:2], ", ") + " and others"
	}
	return strings.Join(names, ", ")
}

// shortened is a value that fits into a line.
func shortened(value string) string {
	if len(value) > 40 {
		return value[:37] + "..."
	}
	return value
}

// needed finds out which of the user's headers the server requires.
func (w *walker) needed(ctx context.Context, good *attempt) {
	var required []string
	for _, name := range w.given() {
		a := w.send(ctx, "change", good.as(good.what+" without "+name, form{h: &rules.Handshake{}}, []string{name}))
		if a.x != nil && !a.works() {
			required = append(required, name)
		}
	}
	if len(required) > 0 {
		w.note("The server requires %s: without it the handshake fails", strings.Join(required, " and "))
	}
}
