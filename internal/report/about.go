package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/interlock-proxy/interlock/internal/printed"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// about gathers what a report is about: who was asked, when, and how much.
type about struct {
	backends, hosts, routes names
	endpoints               map[mergeKey]bool // that probes were sent to, at most maxAbout
	probes, traffic         int64             // exchanges
	http2                   bool              // some of them are in HTTP/2
	first, last             time.Time         // of the exchanges
}

// maxAbout is how many names of a kind a report lists, and how many endpoints it tells apart.
const maxAbout = 8

// names are different texts in the order in which they came.
type names struct {
	all  []string
	more int64 // exchanges with further ones
}

func (n *names) add(name string) {
	switch {
	case name == "" || slices.Contains(n.all, name):
	case len(n.all) == maxAbout:
		n.more++
	default:
		n.all = append(n.all, name)
	}
}

func (n *names) String() string {
	text := printed.ASCII(strings.Join(n.all, ", "))
	if n.more > 0 {
		text += " and others"
	}
	return text
}

// add takes an exchange.
func (a *about) add(r *rules.Ruling) {
	x := r.X
	a.backends.add(x.Backend)
	a.http2 = a.http2 || x.Request.HTTP2()
	if host, _ := x.Request.Host(); x.Probe == "" || rules.FindProbe(x.Probe) != nil && rules.FindProbe(x.Probe).IsControl() {
		a.hosts.add(printed.Escaped(host, 80)) // other probes send hosts of their own
	}
	if x.Route != "default" {
		a.routes.add(x.Route)
	}
	if x.Probe == "" {
		a.traffic++
	} else {
		a.probes++
		if a.endpoints == nil {
			a.endpoints = map[mergeKey]bool{}
		}
		if len(a.endpoints) < maxMerged {
			a.endpoints[mergeKey{rules.Key{Route: x.Route, Endpoint: r.Endpoint}, x.Backend}] = true
		}
	}
	if t := x.Time; !t.IsZero() {
		if a.first.IsZero() || t.Before(a.first) {
			a.first = t
		}
		if t.After(a.last) {
			a.last = t
		}
	}
}

// A fact is something that a report says about itself.
type fact struct{ Name, Value string }

// facts are those of a report, without those that are not known.
func (a *about) facts(o *Options, s *Summary) (all []fact) {
	const layout = "2006-01-02 15:04:05 UTC"
	when := ""
	if !a.first.IsZero() {
		if when = a.first.UTC().Format(layout); a.last.Sub(a.first) >= time.Second {
			when += " to " + a.last.UTC().Format(layout)
		}
	}
	for _, f := range []fact{
		{"target", printed.ASCII(o.Target)}, {"backend", a.backends.String()}, {"host", a.hosts.String()}, {"route", a.routes.String()},
		{"command", printed.ASCII(o.Command)}, {"time", when}, {"version", printed.ASCII(o.Version)}, {"tested", a.tested(s)}, {"not tested", a.untested(s)},
	} {
		if f.Value != "" {
			all = append(all, f)
		}
	}
	return all
}

// tested says how much was tested.
func (a *about) tested(s *Summary) string {
	var parts []string
	if a.probes > 0 {
		parts = append(parts, fmt.Sprintf("%s at %s", printed.Count(a.probes, "probe"), printed.Count(len(a.endpoints), "endpoint")))
	}
	if a.traffic > 0 {
		parts = append(parts, printed.Count(a.traffic, "exchange")+" of traffic")
	}
	return strings.Join(append(parts, s.Coverage.String()), "; ")
}

// untested says what was not tested.
func (a *about) untested(s *Summary) string {
	versions := "HTTP/2 and HTTP/3"
	if a.http2 {
		versions = "HTTP/3"
	}
	parts := []string{versions + ", endpoints that no request went to"}
	if s.NotSent > 0 {
		parts = append(parts, printed.Count(s.NotSent, "probe")+" not sent")
	}
	if s.Cut != "" {
		parts = append(parts, "not finished: "+wire.Escape([]byte(s.Cut)))
	}
	for i, note := range s.Notes {
		if i == maxAbout {
			parts = append(parts, "and more")
			break
		}
		parts = append(parts, wire.Escape([]byte(note)))
	}
	return strings.Join(parts, "; ")
}

// answer is the executive summary: whether the service is safe as far as is known, and the worst of
// what is wrong.
func answer(s *Summary, failures []*cause) string {
	var worst string
	places, kinds := map[string]bool{}, map[*rules.Rule]bool{}
	for _, c := range failures {
		is := c.first()
		if places[is.place()], kinds[is.rule] = true, true; worst == "" {
			worst = fmt.Sprintf(" Worst, at %s: %s (%s, %s).", is.place(), strings.TrimSuffix(cmp.Or(printed.ASCII(is.finding.Detail), is.finding.Label()), "."),
				is.rule.ID, is.finding.Severity)
		}
	}
	found := fmt.Sprintf("%s violated at %s.", printed.Count(len(kinds), "rule"), printed.Count(len(places), "endpoint"))
	switch warnings := s.Verdicts[rules.Warn]; {
	case s.Cut != "" && len(failures) == 0:
		return "Could not tell, as the run did not finish: " + wire.Escape([]byte(s.Cut)) + "."
	case s.Conclusive() > 0 && s.hops.answer("") != "":
		return s.hops.answer(worst)
	case s.Unsafe > 0 && len(failures) > 0:
		times := "1 unsafe switch"
		if s.Unsafe > 1 {
			times = printed.Thousands(s.Unsafe) + " unsafe switches"
		}
		return fmt.Sprintf("Not safe: %s, %s%s", times, found, worst)
	case len(failures) > 0 && failures[0].first().rule.Hop && failures[0].first().finding.Severity >= rules.High:
		return "Not safe: " + found + worst // whatever the server did, the proxy is not safe
	case len(failures) > 0:
		return "No unsafe switch, but " + found + worst
	case s.Conclusive() == 0:
		return "Could not tell: no exchange was conclusive."
	case warnings > 0:
		return fmt.Sprintf("Safe as far as tested: nothing failed, %s with warnings.", printed.Count(warnings, "exchange"))
	}
	return "Safe as far as tested: nothing failed."
}
