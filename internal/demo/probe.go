package demo

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/oklog/ulid/v2"

	"github.com/interlock-proxy/interlock/internal/config"
	"github.com/interlock-proxy/interlock/internal/printed"
	"github.com/interlock-proxy/interlock/internal/report"
	"github.com/interlock-proxy/interlock/internal/server"
	"github.com/interlock-proxy/interlock/internal/web"
	"github.com/interlock-proxy/interlock/rules"
)

// probe sends all probes to each endpoint that the traffic has shown to switch, and reports the
// results.
func (d *Demo) probe(ctx context.Context, s *site) error {
	for _, l := range d.audit.Learned() {
		if l.Route != s.name || l.Protocol == "other" {
			continue
		}
		apart := server.NewAudit(config.Defaults(), nil) // findings of probes are reported here, separately from those of the traffic
		if apart.Instance = d.audit.Instance; d.page != nil {
			apart.Each = d.page.writer.Write
		}
		r := &server.LearnedRun{
			Prober:  d.prober(apart, d.page),
			Ask:     web.Ask{Endpoint: l.Endpoint, Credentials: config.CredentialsConfigured},
			Learned: &l, Probes: rules.Probes(), Backend: s.relay.Backend,
		}
		failing := map[string]int{}
		stream := report.Stream{}
		_, err := r.Do(ctx, ulid.Make().String(), func(event string, value any) {
			ruling, ok := value.(*rules.Ruling)
			if event != "ruling" || !ok {
				return
			}
			if stream.Write(ruling); ruling.Verdict == rules.Fail {
				failing[ruling.Worst().Rule.ID]++
			}
		})
		if err != nil {
			return fmt.Errorf("probe %s: %w", l.Endpoint, err)
		}
		v := &stream.Summary.Verdicts
		d.runs++
		d.probed.fail += v[rules.Fail]
		d.probed.pass += v[rules.Pass]
		d.note(fmt.Sprintf("probes at %-12s %-10s fail=%d warn=%d unclear=%d pass=%d na=%d%s", l.Endpoint, l.Protocol,
			v[rules.Fail], v[rules.Warn], v[rules.Unclear], v[rules.Pass], v[rules.NotApplicable], failedRules(failing)))
	}
	return nil
}

// failedRules lists the rules that most probes failed, a line for each.
func failedRules(failing map[string]int) string {
	const most = 8
	type cause struct {
		rule  string
		count int
	}
	var all []cause
	for id, n := range failing {
		all = append(all, cause{id, n})
	}
	slices.SortFunc(all, func(a, b cause) int { return cmp.Or(b.count-a.count, strings.Compare(a.rule, b.rule)) })
	var b strings.Builder
	for i, c := range all {
		if i == most {
			fmt.Fprintf(&b, "\n    and %d more rules", len(all)-most)
			break
		}
		fmt.Fprintf(&b, "\n    %-30s %s", c.rule, printed.Count(c.count, "probe"))
	}
	return b.String()
}
