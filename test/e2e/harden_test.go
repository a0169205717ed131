//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"text/template"

	coder "github.com/coder/websocket"
	gobwas "github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
	gorilla "github.com/gorilla/websocket"

	"github.com/interlock-proxy/interlock/internal/lab/ports"
)

// TestAGuardMendsEachProduct probes each product without the guard of docs/harden.md, which must fail, and with it, which must
// leave no failure at high or above but those that the page names.
func TestAGuardMendsEachProduct(t *testing.T) {
	t.Parallel()
	for name, p := range products() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			backend := p.start
			if p.proxies() {
				backend = func(t *testing.T, guarded bool, _ string) string {
					return p.start(t, guarded, products()["ws"].start(t, false, ""))
				}
			}
			mends(t, p.name, func(t *testing.T, guarded bool) string { return backend(t, guarded, "") + p.target })
		})
	}
}

// TestAGuardMendsEachGoLibrary does so for libraries of Go.
func TestAGuardMendsEachGoLibrary(t *testing.T) {
	t.Parallel()
	text := content(t, ".", "harden_guard_test.go")
	_, guard, _ := strings.Cut(text, "// recipe: go\n")
	if want := recipes(t)["go"]; guard != want {
		t.Errorf("the guard that is tested is not the one of docs/harden.md:\n%s", want)
	}
	for name, chat := range map[string]http.HandlerFunc{
		"gorilla": func(w http.ResponseWriter, r *http.Request) {
			if conn, err := new(gorilla.Upgrader).Upgrade(w, r, nil); err == nil {
				defer conn.Close()
				conn.ReadMessage()
			}
		},
		"coder": func(w http.ResponseWriter, r *http.Request) {
			if conn, err := coder.Accept(w, r, nil); err == nil {
				defer conn.CloseNow()
				conn.Read(r.Context())
			}
		},
		"gobwas": func(w http.ResponseWriter, r *http.Request) {
			if conn, _, _, err := gobwas.UpgradeHTTP(r, w); err == nil {
				defer conn.Close()
				wsutil.ReadClientData(conn)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mends(t, "gorilla, coder, gobwas", func(t *testing.T, guarded bool) string {
				handler := http.Handler(chat)
				if guarded {
					handler = StrictUpgrade(chat)
				}
				return site(t, handler.ServeHTTP) + "/chat"
			})
		})
	}
}

// mends probes the address that start returns, without the guard and with it.
func mends(t *testing.T, name string, start func(t *testing.T, guarded bool) string) {
	t.Helper()
	left := leaves(t, name)
	before := probe(t, "http://"+start(t, false), "--store", "memory")
	if failed := before.severe(); before.status != 1 || len(failed) <= len(left) {
		t.Errorf("without the guard, status %d and failures %q; want more than with it", before.status, failed)
	}
	after := probe(t, "http://"+start(t, true), "--store", "memory")
	if failed := after.severe(); !slices.Equal(failed, left) {
		t.Errorf("with the guard, failures %q, want %q", failed, left)
	}
	if accepted, _ := after.accepted("websocket"); !accepted || after.count("pass") == 0 {
		t.Errorf("with the guard, the controls are accepted: %v, and %d probes passed", accepted, after.count("pass"))
	}
	t.Logf("%d failures at high or above before, %d after", len(before.severe()), len(after.severe()))
}

// leaves are the probes that docs/harden.md says still fail with the guard of that product.
func leaves(t *testing.T, name string) []string {
	t.Helper()
	for row := range strings.Lines(content(t, "../../docs", "harden.md")) {
		if strings.HasPrefix(row, "| ["+name+"](") {
			return regexp.MustCompile("UPGRADE-[A-Z0-9.-]+").FindAllString(row, -1)
		}
	}
	t.Fatalf("the table of docs/harden.md has no %s", name)
	return nil
}

// severe are the probes that failed at high or above, sorted.
func (p *probed) severe() (ids []string) {
	for _, r := range p.results() {
		if r.Verdict == "fail" && (r.Severity == "high" || r.Severity == "critical") {
			ids = append(ids, r.Probe)
		}
	}
	slices.Sort(ids)
	return ids
}

// recipes are the fenced blocks of docs/harden.md that are tagged as recipe=NAME.
func recipes(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, m := range regexp.MustCompile("(?ms)^```\\w+ recipe=(\\S+)\n(.*?)^```$").FindAllStringSubmatch(content(t, "../../docs", "harden.md"), -1) {
		all[m[1]] = m[2]
	}
	return all
}

// app is the name of the file in harden that configures or is the product.
func (p product) app() string {
	i := slices.IndexFunc(p.command, func(word string) bool {
		_, err := os.Stat(filepath.Join("harden", word))
		return err == nil
	})
	return p.command[i]
}

// proxies reports whether the product needs a backend.
func (p product) proxies() bool {
	text, err := os.ReadFile(filepath.Join("harden", p.app()))
	return err == nil && (bytes.Contains(text, []byte("@{backend}@")) || bytes.Contains(text, []byte("argv[3]")) || bytes.Contains(text, []byte("127.0.0.1:3000")))
}

// start runs the product in front of a backend until the test ends, and returns its address.
func (p product) start(t *testing.T, guarded bool, backend string) (addr string) {
	t.Helper()
	err := ports.Use(func(free string) error {
		addr = free
		return p.startAt(t, free, guarded, backend)
	})
	if err != nil {
		t.Fatal(err)
	}
	return addr
}

func (p product) startAt(t *testing.T, addr string, guarded bool, backend string) error {
	t.Helper()
	dir := t.TempDir()
	app := filepath.Join(dir, p.app())
	if err := p.render(t, app, addr, guarded, backend); err != nil {
		return err
	}
	_, port, _ := net.SplitHostPort(addr)
	args := slices.Clone(p.command[1:])
	for i, arg := range args {
		switch arg {
		case p.app():
			args[i] = app
		case "log":
			args[i] = filepath.Join(dir, "log")
		case "PORT":
			args[i] = port
		case "BACKEND":
			args[i] = backend
		}
	}
	cmd := exec.Command(program(t, p.command[0], p.debian), args...)
	cmd.Env = append(os.Environ(), "NODE_PATH="+nodeModules(t), "HOME="+dir)
	var said bytes.Buffer // to be read when the process has ended
	cmd.Stdout, cmd.Stderr = &said, &said
	ended, err := begin(t, cmd)
	if err != nil {
		return err
	}
	if err = comesUp(ended, func() bool { return switches(t, addr+p.target) }); err == nil {
		return nil
	}
	cmd.Process.Kill()
	<-ended
	log, _ := os.ReadFile(filepath.Join(dir, "log"))
	return fmt.Errorf("%s %w:\n%s%s", p.command[0], err, &said, log)
}

// switches reports whether a server accepts a handshake. The first one takes long in Java, and none of the probes is to wait for it.
func switches(t *testing.T, url string) bool {
	t.Helper()
	conn, _, err := gorilla.DefaultDialer.DialContext(t.Context(), "ws://"+url, nil)
	if err != nil {
		return false
	}
	return conn.Close() == nil
}

// render writes the file of the product, with the recipes of docs/harden.md in their places.
func (p product) render(t *testing.T, app, addr string, guarded bool, backend string) error {
	t.Helper()
	all := recipes(t)
	_, port, _ := net.SplitHostPort(addr)
	constant := func(value any) func() any { return func() any { return value } }
	page, err := template.New(p.app()).Delims("@{", "}@").Funcs(template.FuncMap{
		"guarded": constant(guarded), "listen": constant(addr), "port": constant(port), "backend": constant(backend), "dir": constant(filepath.Dir(app)),
		"recipe": func(name string) (string, error) {
			text, ok := all[name]
			if !ok {
				return "", fmt.Errorf("docs/harden.md has no recipe %q", name)
			}
			return text, nil
		},
	}).ParseFiles(filepath.Join("harden", p.app()))
	if err != nil {
		return err
	}
	var text bytes.Buffer
	if err := page.Execute(&text, nil); err != nil {
		return err
	}
	return os.WriteFile(app, bytes.ReplaceAll(text.Bytes(), []byte("127.0.0.1:3000"), []byte(backend)), 0o600)
}

// nodeModules is where test/e2e/install puts what Node needs.
func nodeModules(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs("node/node_modules")
	if err != nil {
		t.Fatal(err)
	}
	return path
}
