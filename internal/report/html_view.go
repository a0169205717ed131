package report

import (
	"fmt"
	"html/template"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/internal/printed"
	"github.com/interlock-proxy/interlock/internal/tunnel"
	"github.com/interlock-proxy/interlock/rules"
)

type (
	// htmlView is the data of the page.
	htmlView struct {
		Style              template.CSS
		Version            string
		Mark               printed.Mark
		Runs               []string
		Facts              []fact // what the report is about
		Headline           string
		Unsafe             string // how often a server switched that must not have; empty: never
		Result, Coverage   string
		Counts             []htmlTile
		Bar                []htmlBar
		Notes, Remarks     []string
		Columns            []string
		Rows, Passed       []matrixRow // probes with something to look into, and those without
		Hops               bool        // the columns are proxies
		MoreCells          int64
		Failures, Warnings htmlSection
		Unclear            htmlSection
		Accepted, Fixed    htmlSection
		MoreFindings       int64
		Whys               []htmlWhy // what explains exchanges
		MoreWhys           int64     // of these, those that are not shown
		Compared           bool      // there are counts beside those of verdicts
	}
	// htmlTile is one number of the overview.
	htmlTile struct {
		Class, Symbol, Name string
		Count               int64
	}
	// htmlBar is a piece of the bar over all exchanges, in thousandths of its length.
	htmlBar struct {
		Class       string
		From, Width int64
	}
	// htmlSection holds the findings of one verdict.
	htmlSection struct {
		Title string
		Rules []htmlRule
		More  int64 // causes beside those shown
	}
	// htmlRule is a rule and where it was not kept.
	htmlRule struct {
		Mark   printed.Mark
		ID     string
		Label  string // the problem in a few words
		Title  string // the requirement
		Level  string
		Why    string
		Fix    []string
		More   string
		Causes []htmlCause
	}
	// htmlCause is a rule at an endpoint.
	htmlCause struct {
		Anchor, Place, Label, Severity, Fault, Exchanges, States, Probes, Refs, Detail, Again, Fingerprint, ID string

		Unsafe bool // a server switched and must not have
		Parts  []htmlPart
		Tunnel *tunnel.View // what its frames show; nil: they were not read
		Sides  []Passage    // both sides of the proxy that the exchange passed
		Others []htmlProbe  // the same of other probes
	}
	// htmlProbe is what another probe showed of a cause.
	htmlProbe struct {
		Probe, Label, Detail, ID string
		Sides                    []Passage
	}
	// htmlPart is a part of an exchange, with its evidence marked.
	htmlPart struct {
		Title string
		Sign  string // before each line
		Lines []line
		Left  int64 // bytes that are not shown
	}
)

// tiles are the numbers of the overview.
func tiles(s *Summary) []htmlTile {
	var all []htmlTile
	for v := rules.Fail; v <= rules.NotApplicable; v++ {
		m := printed.MarkOf(v)
		all = append(all, htmlTile{m.Name, m.Symbol, m.Word, s.Verdicts[v]})
	}
	all = append(all, htmlTile{"fail", "▲", "unsafe", s.Unsafe})
	if s.compared() {
		all = append(all, htmlTile{"na", "○", "accepted", s.Accepted}, htmlTile{"fail", "+", "new", s.New}, htmlTile{"pass", "✓", "fixed", s.Fixed},
			htmlTile{"na", "–", "not seen", s.NotSeen}, htmlTile{"na", "–", "not sent", s.NotSent})
	}
	return all
}

// bar divides the bar over all exchanges by their verdicts.
func bar(s *Summary) (pieces []htmlBar) {
	all, before := s.Accepted, int64(0)
	for _, n := range s.Verdicts {
		all += n
	}
	add := func(class string, n int64) {
		if n > 0 {
			from := before * 1000 / all
			before += n
			pieces = append(pieces, htmlBar{class, from, before*1000/all - from})
		}
	}
	for v, n := range s.Verdicts {
		add(strings.Replace(rules.Verdict(v).String(), "not-applicable", "na", 1), n)
	}
	add("accepted", s.Accepted)
	return pieces
}

// viewSection shows causes, those of one rule together. It enters the name of each in anchors.
func viewSection(title string, all []*cause, anchors map[rules.Key]string) (htmlSection, error) {
	section := htmlSection{Title: title}
	if n := len(all) - maxCards; n > 0 {
		all, section.More = all[:maxCards], int64(n)
	}
	for i, group := range byRule(all) {
		is := group[0].first()
		r := htmlRule{
			Mark: printed.MarkOf(is.Verdict), ID: is.rule.ID, Label: is.finding.Label(), Title: is.rule.Title, Level: is.rule.Level.String(),
			Why: is.rule.Why, Fix: strings.Split(is.rule.Fix, "\n"), More: more(is.rule),
		}
		for j, c := range group {
			shown, err := viewCause(c)
			if err != nil {
				return section, err
			}
			shown.Anchor = fmt.Sprintf("%s-%d-%d", strings.ToLower(title), i+1, j+1)
			k := c.first().key.Place()
			if anchors[k] == "" {
				anchors[k] = shown.Anchor
			}
			r.Causes = append(r.Causes, shown)
		}
		section.Rules = append(section.Rules, r)
	}
	return section, nil
}

func viewCause(c *cause) (htmlCause, error) {
	is := c.first()
	f := &is.finding
	v := htmlCause{
		Place: is.place(), Severity: f.Severity.String(), Fault: fault(f), Exchanges: printed.Count(c.count, "exchange"), States: c.states(),
		Probes: c.probes(), Refs: cited(f.Refs), Detail: printed.ASCII(f.Detail), Fingerprint: is.fingerprint, ID: printed.ASCII(is.id),
	}
	if f.Verdict < rules.Pass {
		v.Again = is.again()
	}
	if len(is.examples) == 0 {
		return v, nil
	}
	v.Unsafe = is.examples[0].Unsafe && f.Verdict == rules.Fail && f.Rule.Severity.Switched == rules.Critical
	if v.Sides = is.sides(); v.Sides != nil {
		v.Label, v.Others = labelOf(is.key.Probe), otherProbes(c)
		return v, nil
	}
	s := is.examples[0].Evidence()
	v.Tunnel = tunnel.Of(is.examples[0], s.Messages)
	add := func(title, sign string, b []byte, part rules.Part) {
		lines, left := highlight(b, part, f.Spans)
		v.Parts = append(v.Parts, htmlPart{title, sign, lines, int64(left)})
	}
	add("request", ">", s.Request, rules.InRequest)
	add("answer: "+answered(is.examples[0].X), "<", s.Response, rules.InResponse)
	if marks(f.Spans, rules.FromClient) {
		add("first bytes from the client", ">", s.Client, rules.FromClient)
	}
	if marks(f.Spans, rules.FromServer) {
		add("first bytes from the server", "<", s.Server, rules.FromServer)
	}
	return v, nil
}

// otherProbes are what further probes of a cause showed on both sides of a proxy.
func otherProbes(c *cause) (all []htmlProbe) {
	for _, is := range c.findings[1:] {
		if sides := is.sides(); sides != nil && len(all) < maxProbes {
			all = append(all, htmlProbe{printed.ASCII(is.key.Probe), labelOf(is.key.Probe), printed.ASCII(is.finding.Detail), printed.ASCII(is.id), sides})
		}
	}
	return all
}

// marks reports whether there is evidence in that part.
func marks(spans []rules.Span, part rules.Part) bool {
	return slices.ContainsFunc(spans, func(s rules.Span) bool { return s.Part == part })
}

// htmlTable is a table of probes by endpoint.
type htmlTable struct {
	Columns []string
	Rows    []matrixRow
}

// htmlSide is one side of a passage.
type htmlSide struct {
	Title string
	Side
}

// htmlFuncs are the functions of the page.
func htmlFuncs() template.FuncMap {
	return template.FuncMap{
		"thousands": printed.Thousands,
		"side":      func(title string, s Side) htmlSide { return htmlSide{title, s} },
		"size":      func(rows []matrixRow) int64 { return int64(len(rows)) },
		"matrix":    func(columns []string, rows []matrixRow) htmlTable { return htmlTable{columns, rows} },
	}
}
