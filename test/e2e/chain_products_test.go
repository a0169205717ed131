//go:build e2e && world

package e2e

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
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
	files   []string // in the folder chain; rendered into a new folder
	command []string // with {dir}, that folder, and {listen}, {host}, {port} and {sink}
	debian  string   // the package that has the command
	handler func(sink *url.URL) http.Handler
	forward bool // clients name the sink in their targets
}

// middles are the proxies that CI does not probe, by their code names in chain/expected.txt.
func middles() map[string]middle {
	apache := func(file string) middle {
		return middle{files: []string{file}, command: []string{"apache2", "-X", "-f", "{dir}/" + file}, debian: "apache2"}
	}
	return map[string]middle{
		"hop-a": apache("apache-ws.conf"),
		"hop-b": apache("apache-upgrade.conf"),
		"hop-c": apache("apache-wstunnel.conf"),
		"hop-d": {files: []string{"caddy.Caddyfile"}, command: []string{"caddy", "run", "--adapter", "caddyfile", "--config", "{dir}/caddy.Caddyfile"}, debian: "caddy"},
		"hop-e": {files: []string{"varnish.vcl"}, command: []string{"varnishd", "-F", "-n", "{dir}", "-a", "{listen}", "-f", "{dir}/varnish.vcl", "-s", "malloc,8m", "-j", "none"}, debian: "varnish"},
		"hop-f": {files: []string{"squid.conf"}, command: []string{"squid", "-N", "-f", "{dir}/squid.conf"}, debian: "squid"},
		"hop-g": {files: []string{"nghttpx.conf"}, command: []string{"nghttpx", "--conf={dir}/nghttpx.conf"}, debian: "nghttp2-proxy"},
		"hop-h": {files: []string{"lighttpd.conf"}, command: []string{"lighttpd", "-D", "-f", "{dir}/lighttpd.conf"}, debian: "lighttpd"},
		"hop-i": {files: []string{"h2o.conf"}, command: []string{"h2o", "-c", "{dir}/h2o.conf"}, debian: "h2o"},
		"hop-j": {files: []string{"ats-records.config", "ats-remap.config", "ats-storage.config", "ats-ip_allow.yaml"}, command: []string{"env", "PROXY_CONFIG_CONFIG_DIR={dir}", "PROXY_CONFIG_LOCAL_STATE_DIR={dir}",
			"PROXY_CONFIG_LOG_LOGFILE_DIR={dir}", "traffic_server"}, debian: "trafficserver"},
		"hop-k": {command: []string{"mitmdump", "-q", "--mode", "reverse:http://{sink}", "--listen-host", "{host}", "--listen-port", "{port}", "--set", "confdir={dir}"}, debian: "mitmproxy"},
		"hop-l": {command: []string{"node", "node/hop.cjs", "{listen}", "{sink}"}, debian: "nodejs"},
		"hop-m": {handler: func(sink *url.URL) http.Handler {
			return &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(sink); r.SetXForwarded() }}
		}},
		"hop-n": {handler: func(*url.URL) http.Handler { return goproxy.NewProxyHttpServer() }, forward: true},
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
	sinkHost, sinkPort, _ := net.SplitHostPort(sink)
	for _, name := range m.files {
		text, err := template.New("").Delims("@{", "}@").ParseFiles(filepath.Join("chain", name))
		if err != nil {
			return err
		}
		var b bytes.Buffer
		data := map[string]string{"Dir": dir, "Listen": listen, "ListenHost": host, "Port": port, "Sink": sink, "SinkHost": sinkHost, "SinkPort": sinkPort}
		if err := text.ExecuteTemplate(&b, name, data); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, strings.TrimPrefix(name, "ats-")), b.Bytes(), 0o644); err != nil {
			return err
		}
	}
	var words []string
	for _, word := range m.command {
		words = append(words, strings.NewReplacer("{dir}", dir, "{listen}", listen, "{host}", host, "{port}", port, "{sink}", sink).Replace(word))
	}
	program(t, m.command[0], m.debian)
	cmd := exec.Command(words[0], words[1:]...)
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
	up := func() bool {
		conn, err := net.Dial("tcp", listen)
		if err != nil {
			return false
		}
		conn.Close()
		return true
	}
	if err := comesUp(ended, up); err != nil {
		log, _ := os.ReadFile(filepath.Join(dir, "log"))
		return fmt.Errorf("%s %w:\n%s%s", words[0], err, log, said.String())
	}
	return nil
}
