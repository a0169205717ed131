//go:build e2e

package e2e

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/internal/lab/ports"
)

// h2Servers are programs that answer HTTP/2 themselves, in plain text.
func h2Servers() map[string]func(*testing.T) (addr string) {
	return map[string]func(*testing.T) string{
		"x/net":     func(t *testing.T) string { return goServer(t, "GODEBUG=http2xconnect=1") },
		"x/net off": func(t *testing.T) string { return goServer(t, "GODEBUG=http2xconnect=0") },
		"node":      func(t *testing.T) string { return nodeListens(t, "node/http2-server.mjs", "offers") },
		"node off":  func(t *testing.T) string { return nodeListens(t, "node/http2-server.mjs") },
		"hypercorn": hypercorn,
	}
}

// h2Gateways are programs that speak HTTP/2 in plain text and forward to a backend in HTTP/1.1.
func h2Gateways() map[string]func(t *testing.T, backend string) (addr string) {
	return map[string]func(*testing.T, string) string{
		"nghttpx":  nghttpx,
		"haproxy":  func(t *testing.T, backend string) string { return haproxy(t, backend, "") },
		"apache":   apacheHTTP2,
		"lighttpd": lighttpd,
		"nginx": func(t *testing.T, backend string) string {
			return nginx(t, " http2", fmt.Sprintf(recipe, backend, ""))
		},
		"caddy": func(t *testing.T, backend string) string {
			return configured(t, "caddy", "{\nadmin off\nservers {\nprotocols h1 h2c\n}\n}\nhttp://:@PORT@ {\nbind 127.0.0.1\nreverse_proxy "+backend+"\n}\n", "run", "--adapter", "caddyfile", "--config", "@CONFIG@")
		},
	}
}

func nghttpx(t *testing.T, backend string) (addr string) {
	t.Helper()
	return configured(t, "nghttpx", fmt.Sprintf("workers=1\nerrorlog-file=@DIR@/log\naccesslog-file=/dev/null\npid-file=@DIR@/pid\nfrontend=127.0.0.1,@PORT@;no-tls\nbackend=%s\n",
		strings.Replace(backend, ":", ",", 1)), "--conf=@CONFIG@")
}

func lighttpd(t *testing.T, backend string) (addr string) {
	t.Helper()
	host, port, _ := net.SplitHostPort(backend)
	return configured(t, "lighttpd", fmt.Sprintf(`server.errorlog = "@DIR@/log"
server.modules = ( "mod_proxy" )
server.document-root = "/tmp"
server.bind = "127.0.0.1"
server.port = @PORT@
server.feature-flags = ( "server.h2proto" => "enable", "server.h2c" => "enable" )
proxy.server = ( "" => ( ( "host" => "%s", "port" => %s ) ) )
proxy.header = ( "upgrade" => "enable" )
`, host, port), "-D", "-f", "@CONFIG@")
}

func apacheHTTP2(t *testing.T, backend string) (addr string) {
	t.Helper()
	return configured(t, "apache2", fmt.Sprintf(`ServerRoot /usr/lib/apache2
LoadModule mpm_event_module modules/mod_mpm_event.so
LoadModule http2_module modules/mod_http2.so
LoadModule proxy_module modules/mod_proxy.so
LoadModule proxy_http_module modules/mod_proxy_http.so
LoadModule authz_core_module modules/mod_authz_core.so
ServerName localhost
PidFile @DIR@/pid
Mutex file:@DIR@
ErrorLog @DIR@/log
DocumentRoot @DIR@
Listen 127.0.0.1:@PORT@
Protocols h2c http/1.1
H2WebSockets on
ProxyPass / http://%[1]s/ upgrade=websocket
`, backend), "-X", "-f", "@CONFIG@")
}

func hypercorn(t *testing.T) (addr string) {
	t.Helper()
	python := program(t, "/usr/bin/python3", "python3-hypercorn")
	if got := run(t, python, "-c", "import hypercorn"); got.status != 0 {
		t.Fatalf("Hypercorn is missing: test/e2e/install installs it, or apt-get install python3-hypercorn: %s", got.stderr)
	}
	return started(t, func(_, addr, _ string) *exec.Cmd { return exec.Command(python, "python/hypercorn_server.py", addr) })
}

func goServer(t *testing.T, environment ...string) (addr string) {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "server")
	if out, err := exec.Command("go", "build", "-o", binary, "./http2/server").CombinedOutput(); err != nil {
		t.Fatalf("build the server of x/net: %v\n%s", err, out)
	}
	cmd := exec.Command(binary)
	cmd.Env = append(os.Environ(), environment...)
	return saysPort(t, cmd)
}

// configured runs a program with a configuration in a file, in both of which @PORT@, @DIR@ and @CONFIG@
// stand for a free port, a folder and that file.
func configured(t *testing.T, name, config string, args ...string) (addr string) {
	t.Helper()
	return started(t, func(dir, _, port string) *exec.Cmd {
		path := filepath.Join(dir, "config")
		fill := strings.NewReplacer("@PORT@", port, "@DIR@", dir, "@CONFIG@", path)
		if err := os.WriteFile(path, []byte(fill.Replace(config)), 0o644); err != nil {
			t.Fatal(err)
		}
		var filled []string
		for _, each := range args {
			filled = append(filled, fill.Replace(each))
		}
		return exec.Command(program(t, name, map[string]string{"nghttpx": "nghttp2-proxy"}[name]), filled...)
	})
}

// started runs a program that is told its port, and returns its address when it accepts connections.
func started(t *testing.T, command func(dir, addr, port string) *exec.Cmd) (addr string) {
	t.Helper()
	err := ports.Use(func(free string) error {
		addr = free
		dir := t.TempDir()
		if err := os.Chmod(dir, 0o777); err != nil { // for programs whose workers do not run as root
			return err
		}
		_, port, _ := net.SplitHostPort(free)
		cmd := command(dir, free, port)
		var said strings.Builder
		cmd.Stdout, cmd.Stderr = &said, &said
		ended, err := begin(t, cmd)
		if err != nil {
			return err
		}
		if err := comesUp(ended, func() bool { return listens(free) }); err != nil {
			cmd.Process.Kill()
			<-ended
			log, _ := os.ReadFile(filepath.Join(dir, "log"))
			return fmt.Errorf("%q %w:\n%s%s", cmd.Args, err, log, said.String())
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return addr
}
