package run

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/internal/printed"
	"github.com/interlock-proxy/interlock/internal/probe"
	"github.com/interlock-proxy/interlock/internal/report"
	"github.com/interlock-proxy/interlock/rules"
)

// List lists the probes that would be sent and explains the columns, for a terminal of that width;
// 0 means no terminal.
func (p *Probing) List(w io.Writer, width int) error {
	base := rules.NewHandshake("http", "backend.example", "/", SeedKey)
	rows := [][]string{{"PROBE", "EXPECTED", "RISK", "SEVERITY", "RULE", "WHAT IT SENDS"}}
	classes := map[rules.Class][]*rules.Probe{}
	for _, q := range p.Probes {
		if only := p.Flags.Protocols; len(only) > 0 && !slices.Contains(only, probe.Family(q, base)) {
			continue
		}
		s := q.Rule().Severity
		severity := max(s.Refused, s.Switched)
		if severity < p.Options.Least {
			continue
		}
		classes[q.Class] = append(classes[q.Class], q)
		rows = append(rows, []string{q.ID, q.Class.String(), q.Risk.String(), severity.String(), q.Rule().ID, q.Label})
	}
	var b bytes.Buffer
	writeTable(&b, rows, width)
	fmt.Fprintf(&b, "\n%d of %d probes. The columns:\n", len(rows)-1, len(rules.Probes()))
	b.WriteString("  EXPECTED  what a correct server does:\n")
	for k := range rules.Class(32) { // there are fewer
		for i, text := range expectations(k, classes[k]) {
			name := ""
			if i == 0 {
				name = k.String()
			}
			fmt.Fprintf(&b, "              %-12s  %s\n", name, text)
		}
	}
	for _, each := range [][2]string{
		{"RISK", "harmless: no server is known to suffer; state: a server may do what the request says; crash: ends some servers, and is sent beyond loopback only with --risky"},
		{"SEVERITY", "the worst that a finding of the rule can have; --fail-on and --severity take one"},
		{"RULE", "the rule that judges the answer: interlock rules RULE"},
	} {
		for i, line := range printed.Wrap(each[1], min(report.Columns(width), 100)-12) {
			if i > 0 {
				each[0] = ""
			}
			fmt.Fprintf(&b, "  %-8s  %s\n", each[0], line)
		}
	}
	_, err := w.Write(b.Bytes())
	return err
}

// expectations says what a server should do with probes of a class, one line for each version of HTTP.
func expectations(k rules.Class, probes []*rules.Probe) (lines []string) {
	var in2 []string
	for _, q := range probes {
		switch text := q.Expectation(); {
		case !q.HTTP2():
			lines = []string{k.Expectation()}
		case !q.Soft && !slices.Contains(in2, text):
			in2 = append(in2, text)
		}
	}
	switch len(in2) {
	case 0:
	case 1:
		lines = append(lines, "HTTP/2: "+in2[0])
	default:
		lines = append(lines, "HTTP/2: it depends on the probe, see --show")
	}
	return lines
}

// writeTable writes rows in columns. On a narrow terminal the last column is on lines of its own.
func writeTable(b *bytes.Buffer, rows [][]string, width int) {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], len(cell))
		}
	}
	last := len(widths) - 1
	all := widths[last]
	for _, n := range widths[:last] {
		all += n + 2
	}
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row[:last] {
			fmt.Fprintf(&line, "%-*s  ", widths[i], cell)
		}
		if width > 0 && all > report.Columns(width) {
			fmt.Fprintf(b, "%s\n    %s\n", strings.TrimRight(line.String(), " "), row[last])
			continue
		}
		fmt.Fprintf(b, "%s%s\n", line.String(), row[last])
	}
}
