//go:build e2e

package e2e

import (
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
)

// TestADeveloperMendsAServer plays a developer with a server on npm's ws. The first line of probe
// says that the server is not safe. With the guard from docs/harden.md, the first line says that it
// is safe.
func TestADeveloperMendsAServer(t *testing.T) {
	t.Parallel()
	ws := products()["ws"]
	for _, step := range []struct {
		guarded bool
		status  int
		answer  string
	}{{false, 1, "Not safe: /chat accepts "}, {true, 0, "Safe as far as tested: "}} {
		got := run(t, "interlock", "probe", "http://"+ws.start(t, step.guarded, "")+"/chat", "--store", "memory")
		if first, _, _ := strings.Cut(got.stdout, "\n"); got.status != step.status || !strings.Contains(first, step.answer) {
			t.Errorf("guarded %t: got status %d and %q, want %d and %q", step.guarded, got.status, first, step.status, step.answer)
		}
	}
}

// TestATesterWritesOneReport plays a tester with three services: one command, one summary, one
// report.
func TestATesterWritesOneReport(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	sites := []string{labServer(t, "gorilla"), labServer(t, "any-method"), labServer(t, "any-version")}
	var targets strings.Builder
	for _, addr := range sites {
		fmt.Fprintf(&targets, "http://%s/chat\n", addr)
	}
	report := filepath.Join(dir, "report.html")
	got := run(t, "interlock", "probe", "--targets", file(t, "targets", []byte(targets.String())), "-o", "html="+report, "-o", "text", "--store", "memory")
	if first, _, _ := strings.Cut(got.stdout, "\n"); got.status != 1 || !strings.Contains(first, "Not safe: 2 of 3") {
		t.Errorf("got status %d and %q, want 1 and that 2 of 3 are not safe", got.status, first)
	}
	if n := strings.Count(got.stdout, " RESULT "); n != 1 {
		t.Errorf("got %d results, want one", n)
	}
	for _, where := range []string{got.stdout, content(t, dir, "report.html")} {
		for _, addr := range sites {
			if !strings.Contains(where, addr) {
				t.Errorf("%s is not in the report", addr)
			}
		}
	}
}

// TestAnOperatorIsAlerted plays an operator who runs nginx, Interlock and Prometheus in front of a
// backend. Probes that arrive through nginx raise no alert. An unsafe switch for a client raises
// one, even the first.
func TestAnOperatorIsAlerted(t *testing.T) {
	t.Parallel()
	p := serve(t, labServer(t, "any-method"))
	front := nginx(t, "", fmt.Sprintf(recipe, p.listen, ""))
	prom := startPrometheus(t, p.admin)
	scraped := func(source string) string {
		return "/api/v1/query?query=" + url.QueryEscape(`sum(interlock_unsafe_switches_total{source="`+source+`"}) > 0`)
	}
	if found := probe(t, "http://"+front+"/chat", "--only", "UPGRADE-METHOD-*,UPGRADE-POST", "--store", "memory"); found.status != 1 {
		t.Fatalf("got status %d, want 1\n%s", found.status, found.stderr)
	}
	prom.await(scraped("probe"), `"value"`)
	if live := prom.answer(scraped("live")); strings.Contains(live, `"value"`) {
		t.Errorf("probes were counted as live traffic: %s", live)
	}
	conn := dial(t, front)
	send(t, conn, strings.Replace(handshake, "GET", "POST", 1))
	expect(t, conn, "HTTP/1.1 101 ")
	prom.await("/api/v1/alerts", `"alertname":"InterlockUnsafeSwitch"`)
	// A scrape that takes longer than a second may have raised another alert: that the program is down.
	if fires := prom.answer("/api/v1/alerts"); strings.Count(fires, `"alertname":"InterlockUnsafeSwitch`) != 1 || strings.Count(fires, `"source":`) != 1 || !strings.Contains(fires, `"source":"live"`) {
		t.Errorf("got the alerts %s, want the one for live traffic", fires)
	}
}

// TestATeamGatesOnWhatIsNew plays a team's CI pipeline. The suite runs through Interlock and its
// reports are stored. Known findings do not fail the next build; new ones do.
func TestATeamGatesOnWhatIsNew(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	suite := func(backend string, flags ...string) result {
		args := append([]string{"run", "--backend", "http://" + labServer(t, backend), "--probe", "--store", "memory", "--env", "CHAT_URL=ws://{addr}/chat"}, flags...)
		return run(t, "interlock", append(args, "--", program(t, "node", "nodejs"), "--test", "node/suite.mjs")...)
	}
	first := suite("any-method", "-o", "json="+at("baseline.json"), "-o", "sarif="+at("sarif"), "-o", "junit="+at("junit"), "-o", "markdown="+at("markdown"))
	if first.status != 1 {
		t.Fatalf("got status %d, want 1\n%s", first.status, first.stderr)
	}
	for _, name := range []string{"sarif", "junit", "markdown"} {
		if !strings.Contains(content(t, dir, name), "UPGRADE-POST") {
			t.Errorf("the %s report does not name UPGRADE-POST", name)
		}
	}
	if known := suite("any-method", "--baseline", at("baseline.json")); known.status != 0 || !strings.Contains(known.stderr, " new=0 ") {
		t.Errorf("got status %d with what is known, want 0\n%s", known.status, known.stderr)
	}
	if worse := suite("any-version", "--baseline", at("baseline.json")); worse.status != 1 || strings.Contains(worse.stderr, " new=0 ") {
		t.Errorf("got status %d with what is new, want 1\n%s", worse.status, worse.stderr)
	}
}
