//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/internal/lab/ports"
)

// TestPrometheusScrapesServe has Prometheus scrape an auditor with the alerts of this repository.
// An unsafe switch raises an alert within a few scrapes. Each expression of the dashboard is valid
// and uses existing metrics.
func TestPrometheusScrapesServe(t *testing.T) {
	t.Parallel()
	var told atomic.Int64
	collector := site(t, func(_ http.ResponseWriter, q *http.Request) {
		if q.URL.Path == "/v1/traces" {
			told.Add(1)
		}
	})
	p := serve(t, labServer(t, "unsound"), "--otel-endpoint", "http://"+collector, "--store", filepath.Join(t.TempDir(), "interlock.db"),
		"--config", file(t, "interlock.yaml", []byte("otel: {rulings: findings}\n")))
	prom := startPrometheus(t, p.admin)
	prom.await("/api/v1/query?query="+url.QueryEscape(`interlock_unsafe_switches_total{route="default",source="live",blocked="false"} == 0`), `"instance":"`+p.admin+`"`)

	conn := dial(t, p.listen)
	send(t, conn, "POST /chat HTTP/1.1\r\nHost: staging.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")
	expect(t, conn, "HTTP/1.1 101 ")
	p.message(t, "unsafe switch")
	conn.Close()
	p.message(t, "tunnel closed")
	prom.await("/api/v1/alerts", `"alertname":"InterlockUnsafeSwitch"`)

	var names struct{ Data []string }
	prom.await("/api/v1/query?query=interlock_tunnel_seconds_count", `"instance"`)
	prom.read("/api/v1/label/__name__/values", &names)
	known := map[string]bool{}
	for _, name := range names.Data {
		known[name] = true
	}
	expressions := dashboard(t)
	for _, m := range regexp.MustCompile(`(?m)^        expr: (.+)$`).FindAllStringSubmatch(content(t, "../../configs/prometheus", "alerts.yml"), -1) {
		expressions = append(expressions, m[1])
	}
	if len(expressions) < 30 {
		t.Errorf("got %d expressions", len(expressions))
	}
	for _, e := range expressions {
		prom.read("/api/v1/query?query="+url.QueryEscape(e), new(any))
		for _, name := range regexp.MustCompile(`\b(interlock|process)_\w+`).FindAllString(e, -1) {
			if !known[name] {
				t.Errorf("%s: there is no metric %s", e, name)
			}
		}
	}

	scrape := file(t, "scrape", []byte((&admin{t: t, client: client(t), at: "http://" + p.admin}).ask("GET", "/metrics", "", http.StatusOK)))
	check := exec.Command(program(t, "promtool", "prometheus"), "check", "metrics")
	in, err := os.Open(scrape)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	check.Stdin = in
	if out, err := check.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("promtool check metrics: %v\n%s", err, out)
	}
	prom.stop()
	p.stop()
	if told.Load() == 0 {
		t.Error("the collector of traces was told nothing")
	}
}

// dashboard returns the expressions of the dashboard, with values for its variables.
func dashboard(t *testing.T) (all []string) {
	t.Helper()
	var board struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal([]byte(content(t, "../../configs/grafana", "interlock.json")), &board); err != nil {
		t.Fatal(err)
	}
	values := strings.NewReplacer("$__rate_interval", "1m", "$__range", "1h", "$instance", ".*", "$route", ".*")
	for _, p := range board.Panels {
		for _, target := range p.Targets {
			e := values.Replace(target.Expr)
			if e == "" || strings.Contains(e, "$") {
				t.Errorf("%s: %q has a variable that is not known", p.Title, target.Expr)
			}
			all = append(all, e)
		}
	}
	return all
}

// prometheus is a Prometheus server. It ends with its test.
type prometheus struct {
	*admin
	cmd   *exec.Cmd
	ended chan struct{}
}

// startPrometheus starts a server that scrapes a target each second, with the alerts of this
// repository. It returns when the server answers.
func startPrometheus(t *testing.T, target string) *prometheus {
	t.Helper()
	config := content(t, "../../configs/prometheus", "prometheus.yml")
	alerts, err := filepath.Abs("../../configs/prometheus/alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	config = strings.NewReplacer("127.0.0.1:9426", target, "15s", "1s", "alerts.yml", alerts).Replace(config)
	path := file(t, "prometheus.yml", []byte(config))
	p := &prometheus{admin: &admin{t: t, client: client(t)}}
	err = ports.Use(func(addr string) (err error) {
		p.at = "http://" + addr
		var log bytes.Buffer // read after the process has ended
		p.cmd = exec.Command(program(t, "prometheus", "prometheus"), "--config.file="+path, "--storage.tsdb.path="+t.TempDir(),
			"--web.listen-address="+addr, "--log.level=warn")
		p.cmd.Stderr = &log
		if p.ended, err = begin(t, p.cmd); err != nil {
			return err
		}
		err = comesUp(p.ended, func() bool { return strings.Contains(p.answer("/-/ready"), "Ready") })
		if err != nil {
			p.stop()
			err = fmt.Errorf("prometheus %w:\n%s", err, &log)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// stop stops the server if it is running.
func (p *prometheus) stop() {
	_ = p.cmd.Process.Signal(os.Interrupt)
	<-p.ended
}

// await repeats the query until the answer contains want.
func (p *prometheus) await(path, want string) {
	p.t.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	last := ""
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); <-tick.C {
		if last = p.answer(path); strings.Contains(last, want) {
			return
		}
	}
	p.t.Fatalf("GET %s: got %s, want %s", path, last, want)
}

// answer returns the body of the answer, or the error.
func (p *prometheus) answer(path string) string {
	answer, err := p.client.Get(p.at + path)
	if err != nil {
		return err.Error()
	}
	defer answer.Body.Close()
	text, _ := io.ReadAll(answer.Body) // await retries after an incomplete body
	return string(text)
}
