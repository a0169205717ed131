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
	for _, version := range []string{"", "2"} {
		browser := func(s Step) bool { return s.Name == "browser" && s.HTTP == version }
		if slices.ContainsFunc(r.Steps, browser) && !slices.ContainsFunc(all, browser) {
			all = slices.DeleteFunc(all, func(s Step) bool { return s.Name == "handshake" && s.HTTP == version })
		}
	}
	return all
}

// summary is the paragraph at the end: what works, what does not, why.
func (r *Report) summary(failed []Step) string {
	var all []string
	add := func(format string, v ...any) { all = append(all, fmt.Sprintf(format, v...)+".") }
	switch {
	case r.ended != "":
		add("The walk has no result: %s", r.ended)
	case r.Result == Works:
		add("It works%s: %s accepts a valid handshake%s", r.versions(), r.URL, r.browsers())
	default:
		add("%s", r.fails(failed))
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

// tried reports whether handshakes were sent in a version of HTTP: empty for 1.1, or 2.
func (r *Report) tried(version string) bool {
	return slices.ContainsFunc(r.Steps, func(s Step) bool { return s.Name == "handshake" && s.HTTP == version })
}

// versions says in which versions of HTTP it works, if not in HTTP/1.1 alone.
func (r *Report) versions() string {
	switch {
	case !r.tried("2"):
		return ""
	case r.tried(""):
		return " in HTTP/1.1 and HTTP/2"
	}
	return " in HTTP/2"
}

// fails says that it does not work, and in which versions of HTTP.
func (r *Report) fails(failed []Step) string {
	broken := func(version string) bool {
		return slices.ContainsFunc(failed, func(s Step) bool { return s.HTTP == version && (s.Name == "handshake" || s.Name == "browser") })
	}
	switch {
	case !r.tried("2"):
		return "It does not work"
	case !r.tried(""):
		return "It does not work in HTTP/2"
	case !broken(""):
		return "It does not work in HTTP/2, and works in HTTP/1.1"
	case !broken("2"):
		return "It does not work in HTTP/1.1, and works in HTTP/2"
	}
	return "It works neither in HTTP/1.1 nor in HTTP/2"
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
		if name := strings.TrimSuffix(s.What, inHTTP2); s.Name == "browser" && s.OK && !slices.Contains(all, name) {
			all = append(all, name)
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
	if s.Status == 0 || s.Status == 101 || s.HTTP == "2" && s.Status == 200 {
		return s.What
	}
	return fmt.Sprintf("%s (%d)", s.What, s.Status)
}
