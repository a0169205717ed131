//go:build e2e

package e2e

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/internal/lab/ports"
)

// A tlsPair is a certificate with its key, in files. The zero value is plain text.
type tlsPair struct{ cert, key, both string }

// newTLSPair writes a certificate for chat.example.
func newTLSPair(t *testing.T) (p tlsPair) {
	t.Helper()
	p.cert, p.key = selfSigned(t)
	cert, err1 := os.ReadFile(p.cert)
	key, err2 := os.ReadFile(p.key)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	p.both = file(t, "both.pem", append(cert, key...))
	return p
}

// or is a text of a configuration about TLS, with its files filled in, or another one in plain text.
func (p tlsPair) or(secure, plain string) string {
	if p.cert == "" {
		return plain
	}
	return strings.NewReplacer("@CERT@", p.cert, "@KEY@", p.key, "@BOTH@", p.both).Replace(secure)
}

// h2Servers are programs that answer HTTP/2 themselves, in plain text or in TLS.
func h2Servers() map[string]func(*testing.T, tlsPair) (addr string) {
	node := func(words ...string) func(*testing.T, tlsPair) string {
		return func(t *testing.T, p tlsPair) string {
			return nodeListens(t, "node/http2-server.mjs", append(words, p.cert, p.key)...)
		}
	}
	return map[string]func(*testing.T, tlsPair) string{
		"x/net":     func(t *testing.T, p tlsPair) string { return goServer(t, p, "GODEBUG=http2xconnect=1") },
		"x/net off": func(t *testing.T, p tlsPair) string { return goServer(t, p, "GODEBUG=http2xconnect=0") },
		"node":      node("offers"),
		"node off":  node("-"),
		"hypercorn": hypercorn,
	}
}

// h2Gateways are programs that speak HTTP/2 in plain text or in TLS, and forward to a backend in HTTP/1.1.
func h2Gateways() map[string]func(t *testing.T, backend string, p tlsPair) (addr string) {
	return map[string]func(*testing.T, string, tlsPair) string{
		"nghttpx":  nghttpx,
		"haproxy":  func(t *testing.T, backend string, p tlsPair) string { return haproxyHTTP2(t, backend, p, true) },
		"apache":   apacheHTTP2,
		"lighttpd": lighttpd,
		"nginx":    func(t *testing.T, backend string, p tlsPair) string { return nginxHTTP2(t, backend, "", p) },
		"caddy": func(t *testing.T, backend string, p tlsPair) string {
			return configured(t, "caddy", p.or("{\nadmin off\nauto_https off\n}\nhttps://:@PORT@ {\ntls @CERT@ @KEY@\n", "{\nadmin off\nservers {\nprotocols h1 h2c\n}\n}\nhttp://:@PORT@ {\n")+
				"bind 127.0.0.1\nreverse_proxy "+backend+"\n}\n", "run", "--adapter", "caddyfile", "--config", "@CONFIG@")
		},
	}
}

func nginxHTTP2(t *testing.T, backend, more string, p tlsPair) (addr string) {
	t.Helper()
	return nginx(t, p.or(" ssl", "")+" http2", p.or("ssl_certificate @CERT@; ssl_certificate_key @KEY@;\n", "")+fmt.Sprintf(recipe, backend, more))
}

func nghttpx(t *testing.T, backend string, p tlsPair) (addr string) {
	t.Helper()
	return configured(t, "nghttpx", fmt.Sprintf("workers=1\nerrorlog-file=@DIR@/log\naccesslog-file=/dev/null\npid-file=@DIR@/pid\nfrontend=127.0.0.1,@PORT@%s\nbackend=%s\n%s",
		p.or("", ";no-tls"), strings.Replace(backend, ":", ",", 1), p.or("private-key-file=@KEY@\ncertificate-file=@CERT@\n", "")), "--conf=@CONFIG@")
}

// haproxyHTTP2 shares connections to its backend among requests, or has one for each.
func haproxyHTTP2(t *testing.T, backend string, p tlsPair, shares bool) (addr string) {
	t.Helper()
	reuse := map[bool]string{true: "safe", false: "never"}[shares]
	return configured(t, "haproxy", "defaults\n mode http\n timeout connect 5s\n timeout client 1h\n timeout server 1h\n http-reuse "+reuse+
		"\nfrontend f\n bind 127.0.0.1:@PORT@"+p.or(" ssl crt @BOTH@ alpn h2,http/1.1", "")+"\n default_backend b\nbackend b\n server s "+backend+"\n",
		"-db", "-f", "@CONFIG@")
}

func lighttpd(t *testing.T, backend string, p tlsPair) (addr string) {
	t.Helper()
	return lighttpdWith(t, backend, p.or(`server.modules += ( "mod_openssl" )
ssl.engine = "enable"
ssl.pemfile = "@BOTH@"
`, ""))
}

// lighttpdWith runs lighttpd with more configuration.
func lighttpdWith(t *testing.T, backend, more string) (addr string) {
	t.Helper()
	host, port, _ := net.SplitHostPort(backend)
	return configured(t, "lighttpd", fmt.Sprintf(`server.errorlog = "@DIR@/log"
server.modules = ( "mod_access", "mod_proxy" )
server.document-root = "/tmp"
server.bind = "127.0.0.1"
server.port = @PORT@
server.feature-flags = ( "server.h2proto" => "enable", "server.h2c" => "enable" )
proxy.server = ( "" => ( ( "host" => "%s", "port" => %s ) ) )
proxy.header = ( "upgrade" => "enable" )
`, host, port)+more, "-D", "-f", "@CONFIG@")
}

func apacheHTTP2(t *testing.T, backend string, p tlsPair) (addr string) {
	t.Helper()
	return configured(t, "apache2", `ServerRoot /usr/lib/apache2
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
`+p.or(`LoadModule ssl_module modules/mod_ssl.so
SSLEngine on
SSLCertificateFile @CERT@
SSLCertificateKeyFile @KEY@
Protocols h2 http/1.1
`, "Protocols h2c http/1.1\n")+`H2WebSockets on
ProxyPass / http://`+backend+`/ upgrade=websocket
`, "-X", "-f", "@CONFIG@")
}

func hypercorn(t *testing.T, p tlsPair) (addr string) {
	t.Helper()
	python := program(t, "/usr/bin/python3", "python3-hypercorn")
	if got := run(t, python, "-c", "import hypercorn"); got.status != 0 {
		t.Fatalf("Hypercorn is missing: test/e2e/install installs it, or apt-get install python3-hypercorn: %s", got.stderr)
	}
	return started(t, func(_, addr, _ string) *exec.Cmd {
		return exec.Command(python, "python/hypercorn_server.py", addr, p.cert, p.key)
	})
}

func goServer(t *testing.T, p tlsPair, environment ...string) (addr string) {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "server")
	if out, err := exec.Command("go", "build", "-o", binary, "./http2/server").CombinedOutput(); err != nil {
		t.Fatalf("build the server of x/net: %v\n%s", err, out)
	}
	cmd := exec.Command(binary, p.cert, p.key)
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
		if err := comesUp(ended, serves(cmd, dir, free)); err != nil {
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
