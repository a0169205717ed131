package report

import (
	"cmp"
	"fmt"
	"io"

	"github.com/interlock-proxy/interlock/internal/printed"
	"github.com/interlock-proxy/interlock/rules"
)

var _ = register(Format{
	Name: "gitlab", Title: "GitLab code quality",
	Open: func(w io.Writer, o Options) Writer { return &gitlabWriter{w: w, Options: o} },
})

// gitlabWriter writes an issue for each fingerprint that did not pass. A critical failure becomes a
// blocker, high becomes critical, medium major, low minor, and info info. A warning is one step
// milder. Unclear and accepted findings become info, as the format has no other state for them.
type gitlabWriter struct {
	w io.Writer
	Options
	merge merge
}

// A gitlabIssue is one element of a report: the part of Code Climate's format that GitLab reads,
// and the remedy as its content.
type gitlabIssue struct {
	Description string         `json:"description"`
	Check       string         `json:"check_name"`
	Fingerprint string         `json:"fingerprint"`
	Severity    string         `json:"severity"`
	Location    gitlabLocation `json:"location"`
	Content     gitlabContent  `json:"content"`
}

type gitlabLocation struct {
	Path  string      `json:"path"`
	Lines gitlabLines `json:"lines"`
}

type gitlabLines struct {
	Begin int `json:"begin"`
}

type gitlabContent struct {
	Body string `json:"body"`
}

// Write is part of Writer.
func (g *gitlabWriter) Write(r *rules.Ruling) error {
	g.merge.add(r)
	return nil
}

// Close is part of Writer.
func (g *gitlabWriter) Close(s *Summary) error {
	issues := jsonList{w: g.w, indent: " "}
	for _, is := range g.merge.sorted() {
		if is.Verdict < rules.Pass {
			if err := issues.add(g.issue(is)); err != nil {
				return err
			}
		}
	}
	if n := g.merge.more; n > 0 {
		err := issues.add(gitlabIssue{
			Description: "... and " + printed.Count(n, "finding") + " more", Check: "interlock", Fingerprint: "interlock-more",
			Severity: "info", Location: g.location(""), Content: gitlabContent{s.Result()},
		})
		if err != nil {
			return err
		}
	}
	if err := issues.end(); err != nil {
		return err
	}
	_, err := io.WriteString(g.w, "\n")
	return err
}

func (g *gitlabWriter) location(route string) gitlabLocation {
	at := g.at(route)
	return gitlabLocation{cmp.Or(at.File, defaultFile), gitlabLines{at.Line}}
}

func (g *gitlabWriter) issue(is *merged) gitlabIssue {
	f := &is.finding
	state := ""
	if f.State != "" {
		state = ", " + printed.ASCII(f.State)
	}
	sides := ""
	if all := is.sides(); all != nil {
		sides = "**both sides**\n\n" + fence(sidesText(all), "") + "\n\n"
	}
	return gitlabIssue{
		Description: fmt.Sprintf("%s (%s; %s%s, %s)", printed.ASCII(f.Detail), is.name(), f.Verdict, state, is.exchanges()),
		Check:       f.Rule.ID, Fingerprint: is.fingerprint, Severity: gitlabSeverity(is), Location: g.location(is.key.Route),
		Content: gitlabContent{fmt.Sprintf("**%s** (%s)\n\n%s**again**\n\n%s\n\n**why** %s\n\n**fix** %s\n\n**more** `%s`",
			escapeMarkdown(f.Label()), cited(f.Refs), sides, fence(is.again(), "sh"), escapeMarkdown(f.Rule.Why), escapeMarkdown(f.Rule.Fix), more(f.Rule))},
	}
}

func gitlabSeverity(is *merged) string {
	names := [...]string{rules.Info: "info", rules.Low: "minor", rules.Medium: "major", rules.High: "critical", rules.Critical: "blocker"}
	f := &is.finding
	switch {
	case f.Verdict == rules.Unclear, is.accepted(), f.Severity == rules.Info:
		return "info"
	case f.Verdict == rules.Warn:
		return names[f.Severity-1]
	}
	return names[f.Severity]
}
