package why

import (
	"fmt"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/rules"
)

// conclude decides the result and writes the summary.
func (w *walker) conclude() {
	r := &w.report
	slices.SortStableFunc(r.Diagnoses, func(a, b rules.Diagnosis) int { return int(b.Certainty) - int(a.Certainty) })
	failed := r.failed()
	switch {
	case r.ended != "":
	case w.gone:
		r.Result = Fails
	case len(failed) == 0 && r.has("handshake"):
		r.Result = Works
	case r.known():
		r.Result = Fails
	}
	r.Summary = w.secrets.blank(r.summary(failed))
}

// has reports whether a step of that name was taken.
func (r *Report) has(name string) bool {
	return slices.ContainsFunc(r.Steps, func(s Step) bool { return s.Name == name })
}

// failed are the steps whose failure means that the WebSocket does not work. If all browsers are
// accepted, the bare handshake need not be.
func (r *Report) failed() (all []Step) {
	for _, s := range r.Steps {
		if !s.OK && !s.Neutral && (s.Name != "get" || len(r.Diagnoses) > 0) {
			all = append(all, s)
		}
	}
	browsers := r.has("browser") && !slices.ContainsFunc(all, func(s Step) bool { return s.Name == "browser" })
	return slices.DeleteFunc(all, func(s Step) bool { return s.Name == "handshake" && browsers })
}

// summary is the paragraph at the end: what works, what does not, why.
func (r *Report) summary(failed []Step) string {
	var all []string
	add := func(format string, v ...any) { all = append(all, fmt.Sprintf(format, v...)+".") }
	switch {
	case r.ended != "":
		add("The walk has no result: %s", r.ended)
	case r.Result == Works:
		add("It works: %s accepts a valid handshake%s", r.URL, r.browsers())
	default:
		add("It does not work")
	}
	if fine := r.fine(); len(failed) > 0 && fine != "" {
		add("What works: %s", fine)
	}
	if len(failed) > 0 {
		var what []string
		for _, s := range failed {
			what = append(what, s.brief())
		}
		add("What does not: %s", strings.Join(what, ", "))
	}
	for i := range r.Diagnoses {
		if d := &r.Diagnoses[i]; i == 0 || d.Certainty >= rules.Likely && i < 3 {
			add("%s", d.Text)
			add("%s%s", d.Cause, doubt(d))
		}
	}
	if r.ended == "" && r.Result == Unknown {
		add("That is as far as it can be told from here")
	}
	for _, n := range r.Notes {
		add("%s", n)
	}
	return strings.Join(all, " ")
}

// doubt says how sure a cause is.
func doubt(d *rules.Diagnosis) string {
	switch {
	case d.Certainty == rules.Certain:
		return ""
	case d.Basis != "":
		return " (" + d.Certainty.String() + ": " + d.Basis + ")"
	}
	return " (" + d.Certainty.String() + ")"
}

// browsers says which browsers are accepted.
func (r *Report) browsers() string {
	var all []string
	for _, s := range r.Steps {
		if s.Name == "browser" && s.OK {
			all = append(all, s.What)
		}
	}
	if len(all) == 0 {
		return ""
	}
	return ", and those of " + strings.Join(all, " and ")
}

// fine names the steps that succeeded before the first one that failed.
func (r *Report) fine() string {
	var all []string
	for _, s := range r.Steps {
		switch {
		case !s.OK || s.Neutral:
		case !slices.Contains(all, s.brief()):
			all = append(all, s.brief())
		}
	}
	return strings.Join(all, ", ")
}

// brief is the step in the shortest form.
func (s *Step) brief() string {
	if s.Status == 0 || s.Status == 101 {
		return s.What
	}
	return fmt.Sprintf("%s (%d)", s.What, s.Status)
}
