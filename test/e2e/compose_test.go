//go:build e2e

package e2e

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
)

// TestComposeFiles runs the services of both Compose files: a finding is in the store, Prometheus has
// scraped it and raises its alert, and each query of the dashboard has a result. Grafana is not run.
func TestComposeFiles(t *testing.T) {
	t.Parallel()
	t.Run("front", func(t *testing.T) {
		t.Parallel()
		p := play(t, "front", "3000", "8426", "9426")
		p.keptIn(t)
		p.start("app", p.listens("3000"), "interlock")
		auditor := p.start("interlock", p.listens("8426"), "interlock")
		p.unsafe()
		store := filepath.Join(p.root("interlock"), p.project.Services["interlock"].Volumes[0].Target, "interlock.db")
		if err := auditor.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		p.until("the finding in the volume", func() string { return run(t, "interlock", "store", "export", "--store", store).stdout },
			func(got string) bool { return strings.Contains(got, `"UPGRADE-POST"`) })
		p.until("the end", func() string { return content(t, p.dir, "interlock.log") }, func(got string) bool { return strings.Contains(got, `"message":"stopped"`) })
		p.start("interlock", p.listens("9426"), "interlock")
		p.token(t, "/api/v1/findings", `"UPGRADE-POST"`)
	})
	t.Run("sidecar", func(t *testing.T) {
		t.Parallel()
		p := play(t, "sidecar", "3000", "8426", "9426", "5432", "9090")
		p.keptIn(t)
		if got := p.project.Services["interlock"].NetworkMode; got != "service:app" {
			t.Errorf("the network of interlock is %q", got)
		}
		p.postgres("db")
		p.start("app", p.listens("3000"), "interlock")
		p.start("interlock", p.listens("9426"), "interlock")
		prom := &prometheus{admin: &admin{t: t, client: client(t), at: "http://" + p.addr("9090")}}
		p.start("prometheus", func() bool { return strings.Contains(prom.answer("/-/ready"), "Ready") }, program(t, "prometheus", "prometheus"))
		succeed(t, program(t, "promtool", "prometheus"), "check", "config", filepath.Join(p.root("prometheus"), "etc/prometheus/prometheus.yml"))

		unsafe := `interlock_unsafe_switches_total{job="interlock",source="live",blocked="false"}`
		prom.await("/api/v1/query?query="+url.QueryEscape(unsafe+" == 0"), `"instance"`)
		p.unsafe()
		prom.await("/api/v1/query?query="+url.QueryEscape(unsafe+" == 1"), `"instance"`)
		p.unsafe()
		prom.await("/api/v1/alerts", `"alertname":"InterlockUnsafeSwitch"`)
		p.until("the finding in PostgreSQL", func() string { return p.query("SELECT count FROM findings WHERE rule = 'UPGRADE-POST'") }, func(got string) bool { return got == "2" })
		p.token(t, "/api/v1/findings", `"UPGRADE-POST"`)
		p.byName(t)
		p.grafana(t, prom)
	})
}

// keptIn checks that services publish ports on this machine only, that images have a version, and that
// Interlock needs no privilege.
func (p *played) keptIn(t *testing.T) {
	t.Helper()
	for name, s := range p.project.Services {
		for _, port := range s.Ports {
			if port.HostIP != "127.0.0.1" {
				t.Errorf("%s publishes port %d at %q", name, port.Target, port.HostIP)
			}
		}
		if !regexp.MustCompile(`:(local|v?\d+(\.\d+)*)$`).MatchString(s.Image) {
			t.Errorf("%s: the image %s has no version", name, s.Image)
		}
	}
	s := p.project.Services["interlock"]
	if !s.ReadOnly || !slices.Equal(s.CapDrop, []string{"ALL"}) || !slices.Equal(s.SecurityOpt, []string{"no-new-privileges:true"}) || s.Privileged || s.User != "" {
		t.Errorf("interlock may do more than it needs: %+v", s)
	}
}

// until waits until something is as it should be.
func (p *played) until(what string, get func() string, is func(string) bool) {
	p.t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		got := get()
		if is(got) {
			return
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("%s: got %s", what, got)
		}
	}
}

// token checks that the admin address requires the token of the page.
func (p *played) token(t *testing.T, path, want string) {
	t.Helper()
	secret := strings.TrimSpace(content(t, filepath.Dir(p.project.Secrets["admin-token"].File), "admin-token"))
	if got := p.ask(t, path, "", ""); !strings.HasPrefix(got, "401 ") {
		t.Errorf("without the token: got %s", got)
	}
	p.until("the finding at the admin address", func() string { return p.ask(t, path, "", secret) }, func(got string) bool { return strings.Contains(got, want) })
}

// byName checks that Interlock can be scraped by the name of the service.
func (p *played) byName(t *testing.T) {
	t.Helper()
	if got := p.ask(t, "/metrics", "app:9426", ""); !strings.HasPrefix(got, "200 ") {
		t.Errorf("/metrics at app:9426: got %s", clip(got))
	}
}

// ask sends a request to the admin address and returns the status and the body.
func (p *played) ask(t *testing.T, path, host, token string) string {
	t.Helper()
	q, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+p.addr("9426")+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	q.Host = host
	if token != "" {
		q.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := client(t).Do(q)
	if err != nil {
		return err.Error()
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return err.Error()
	}
	return response.Status + " " + string(text)
}

// grafana checks what the files for Grafana refer to, and that each query of the dashboard has a
// result.
func (p *played) grafana(t *testing.T, prom *prometheus) {
	t.Helper()
	s := p.project.Services["grafana"]
	p.mounts(s)
	root := p.root("grafana")
	var sources struct {
		APIVersion  int `yaml:"apiVersion"`
		Datasources []struct {
			Name, Type, UID, Access, URL string
			IsDefault                    bool           `yaml:"isDefault"`
			JSONData                     map[string]any `yaml:"jsonData"`
		}
	}
	var boards struct {
		APIVersion int `yaml:"apiVersion"`
		Providers  []struct {
			Name, Type string
			Options    struct{ Path string }
		}
	}
	for name, into := range map[string]any{"datasources": &sources, "dashboards": &boards} {
		text := content(t, filepath.Join(root, "etc/grafana/provisioning", name), "interlock.yml")
		if err := yaml.UnmarshalWithOptions([]byte(text), into, yaml.Strict()); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	if len(sources.Datasources) != 1 || sources.Datasources[0].URL != prom.at || sources.Datasources[0].Type != "prometheus" || !sources.Datasources[0].IsDefault {
		t.Errorf("the data source is %+v, want the Prometheus at %s", sources.Datasources, prom.at)
	}
	var board struct {
		UID        string
		Templating struct {
			List []struct{ Name, Type, Query any }
		}
	}
	if len(boards.Providers) != 1 {
		t.Fatalf("the dashboards are %+v", boards.Providers)
	}
	if err := json.Unmarshal([]byte(content(t, filepath.Join(root, boards.Providers[0].Options.Path), "interlock.json")), &board); err != nil || board.UID != "interlock" {
		t.Errorf("the dashboard is %+v, %v", board, err)
	}
	if v := board.Templating.List[0]; v.Type != "datasource" || v.Query != sources.Datasources[0].Type {
		t.Errorf("the variable of the data source is %+v", v)
	}
	for _, e := range dashboard(t) {
		prom.await("/api/v1/query?query="+url.QueryEscape(e), `"value":[`)
	}
}
