//go:build e2e && world

package e2e

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"text/template"
	"time"

	"github.com/elazarl/goproxy"

	"github.com/interlock-proxy/interlock/internal/chain"
	"github.com/interlock-proxy/interlock/internal/lab/ports"
)

// A middle is a proxy that forwards to a sink. Either command or handler is set.
type middle struct {
	recipe  string   // what --recipe calls it; empty: its configuration is another one
	as      string   // the file that has the recipe and nothing else; empty: one of files has the recipe in it
	files   []string // in the folder chain; rendered into a new folder
	build   []string // a command before, without an address
	command []string // with {dir}, that folder, and {listen}, {host}, {port} and {sink}
	debian  string   // the package that has the command
	handler func(sink *url.URL) http.Handler
	forward bool // clients name the sink in their targets
}

// middles are the proxies of the table, by their code names in chain/expected.txt.
func middles() map[string]middle {
	apache := func(recipe, file string) middle {
		return middle{recipe: recipe, files: []string{file}, command: []string{"apache2", "-X", "-f", "{dir}/" + file}, debian: "apache2"}
	}
	nginx := func(recipe, file string) middle {
		return middle{recipe: recipe, files: []string{file}, command: []string{"nginx", "-e", "{dir}/log", "-c", "{dir}/" + file}, debian: "nginx"}
	}
	program := func(recipe string) middle { // in Go
		return middle{recipe: recipe, as: "main.go", build: []string{"go", "build", "-o", "{dir}/hop", "{dir}/main.go"}, command: []string{"{dir}/hop"}}
	}
	return map[string]middle{
		"hop-a": apache("", "apache-ws.conf"),
		"hop-b": apache("apache", "apache-upgrade.conf"),
		"hop-c": apache("", "apache-wstunnel.conf"),
		"hop-d": {recipe: "caddy", files: []string{"caddy.Caddyfile"}, command: []string{"caddy", "run", "--adapter", "caddyfile", "--config", "{dir}/caddy.Caddyfile"}, debian: "caddy"},
		"hop-e": {recipe: "varnish", as: "default.vcl", command: []string{"varnishd", "-F", "-n", "{dir}", "-a", "{listen}", "-f", "{dir}/default.vcl", "-s", "malloc,8m", "-j", "none"}, debian: "varnish"},
		"hop-f": {recipe: "squid", files: []string{"squid.conf"}, command: []string{"squid", "-N", "-f", "{dir}/squid.conf"}, debian: "squid"},
		"hop-g": {recipe: "nghttpx", files: []string{"nghttpx.conf"}, command: []string{"nghttpx", "--conf={dir}/nghttpx.conf"}, debian: "nghttp2-proxy"},
		"hop-h": {recipe: "lighttpd", files: []string{"lighttpd.conf"}, command: []string{"lighttpd", "-D", "-f", "{dir}/lighttpd.conf"}, debian: "lighttpd"},
		"hop-i": {recipe: "h2o", files: []string{"h2o.conf"}, command: []string{"h2o", "-c", "{dir}/h2o.conf"}, debian: "h2o"},
		"hop-j": {recipe: "ats", as: "remap.config", files: []string{"ats-records.config", "ats-storage.config", "ats-ip_allow.yaml"}, command: []string{"env", "PROXY_CONFIG_CONFIG_DIR={dir}",
			"PROXY_CONFIG_LOCAL_STATE_DIR={dir}", "PROXY_CONFIG_LOG_LOGFILE_DIR={dir}", "traffic_server"}, debian: "trafficserver"},
		"hop-k": {recipe: "mitmproxy", as: "mitmproxy.sh", command: []string{"env", "HOME={dir}", "sh", "{dir}/mitmproxy.sh"}, debian: "mitmproxy"},
		"hop-l": {recipe: "http-proxy", as: "proxy.cjs", command: []string{"env", "NODE_PATH=node/node_modules", "node", "{dir}/proxy.cjs"}, debian: "nodejs"},
		"hop-m": program("go"),
		"hop-n": {handler: func(*url.URL) http.Handler { return goproxy.NewProxyHttpServer() }, forward: true},
		"hop-o": nginx("nginx", "nginx.conf"),
		"hop-p": nginx("", "nginx-upgrade.conf"),
		"hop-q": nginx("", "nginx-none.conf"),
		"hop-r": {recipe: "haproxy", as: "haproxy.cfg", command: []string{"haproxy", "-db", "-f", "{dir}/haproxy.cfg"}, debian: "haproxy"},
		"hop-s": program("goproxy"),
	}
}

// TestWorldRecipes checks that each recipe is run, but those of programs that are not to be had here.
func TestWorldRecipes(t *testing.T) {
	run := map[string]bool{"envoy": true, "traefik": true}
	for _, m := range middles() {
		run[m.recipe] = true
	}
	for _, r := range chain.Recipes() {
		if !run[r.Name] {
			t.Errorf("no test runs the recipe of %s", r.Name)
		}
	}
}

// start runs the proxy in front of a sink until the test ends.
func (m middle) start(t *testing.T, sink string) *chain.Hop {
	t.Helper()
	listen := ""
	if m.handler != nil {
		server := httptest.NewServer(m.handler(&url.URL{Scheme: "http", Host: sink}))
		t.Cleanup(server.Close)
		listen = server.Listener.Addr().String()
	} else if err := ports.Use(func(free string) error {
		listen = free
		return m.run(t, free, sink)
	}); err != nil {
		t.Fatal(err)
	}
	if m.forward {
		return &chain.Hop{Address: listen, Host: sink, Path: "http://" + sink}
	}
	return &chain.Hop{Address: listen, Host: listen}
}

func (m middle) run(t *testing.T, listen, sink string) error {
	t.Helper()
	dir, err := os.MkdirTemp("", "interlock-hop-")
	if err != nil {
		return err
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o777); err != nil { // some programs do not run as root
		return err
	}
	host, port, _ := net.SplitHostPort(listen)
	recipe := ""
	if i := slices.IndexFunc(chain.Recipes(), func(r chain.Recipe) bool { return r.Name == m.recipe }); i >= 0 {
		recipe = chain.Recipes()[i].For(listen, sink, "")
	}
	if m.as != "" {
		if err := os.WriteFile(filepath.Join(dir, m.as), []byte(recipe), 0o644); err != nil {
			return err
		}
	}
	for _, name := range m.files {
		text, err := template.New("").Delims("@{", "}@").ParseFiles(filepath.Join("chain", name))
		if err != nil {
			return err
		}
		var b bytes.Buffer
		data := map[string]string{"Dir": dir, "Listen": listen, "Port": port, "Sink": sink, "Recipe": recipe}
		if err := text.ExecuteTemplate(&b, name, data); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, strings.TrimPrefix(name, "ats-")), b.Bytes(), 0o644); err != nil {
			return err
		}
	}
	words := func(command []string) (all []string) {
		for _, word := range command {
			all = append(all, strings.NewReplacer("{dir}", dir, "{listen}", listen, "{host}", host, "{port}", port, "{sink}", sink).Replace(word))
		}
		return all
	}
	if build := words(m.build); len(build) > 0 {
		if said, err := exec.Command(build[0], build[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%q: %v:\n%s", build, err, said)
		}
	}
	all := words(m.command)
	program(t, all[0], m.debian)
	cmd := exec.Command(all[0], all[1:]...)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	ended, err := begin(t, cmd)
	if err != nil {
		return err
	}
	t.Cleanup(func() { // before it is killed: some end their children
		cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(5 * time.Second):
		}
	})
	if err := comesUp(ended, serves(cmd, dir, listen)); err != nil {
		log, _ := os.ReadFile(filepath.Join(dir, "log"))
		return fmt.Errorf("%s %w:\n%s%s", all[0], err, log, said.String())
	}
	return nil
}
