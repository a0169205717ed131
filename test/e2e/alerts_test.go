//go:build e2e

package e2e

import (
	"regexp"
	"testing"
)

// TestAlertsAreRaised runs promtool: it checks the configuration and the alerts, and runs the
// alerts' tests.
func TestAlertsAreRaised(t *testing.T) {
	t.Parallel()
	promtool := program(t, "promtool", "prometheus")
	const at = "../../configs/prometheus/"
	succeed(t, promtool, "check", "config", at+"prometheus.yml")
	succeed(t, promtool, "check", "rules", "--lint-fatal", at+"alerts.yml")
	got := succeed(t, promtool, "test", "rules", at+"alerts.test.yml")
	alerts := regexp.MustCompile(`(?m)^      - alert: (\w+)$`).FindAllStringSubmatch(content(t, at, "alerts.yml"), -1)
	if len(alerts) < 5 {
		t.Errorf("got %d alerts, %s", len(alerts), got.stdout)
	}
	tests := content(t, at, "alerts.test.yml")
	for _, a := range alerts {
		if !regexp.MustCompile(`alertname: ` + a[1] + `\n +exp_alerts:`).MatchString(tests) {
			t.Errorf("no test has %s raised", a[1])
		}
	}
}
