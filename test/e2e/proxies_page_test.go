//go:build e2e

package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/internal/lab/ports"
)

// A fronted is a proxy with a page docs/with-NAME.md. The tests start the configurations of the pages
// as they are printed, but for two things that are replaced everywhere:
//
//   - the ports 443, 8443, 8426 and 3000, as whole numbers, by free ones;
//   - the folder /etc/ssl/chat.example by one with a certificate.
//
// Where the package of Debian includes such a file from a main configuration of its own, the tests
// have a main configuration that loads modules and names folders that they may write to.
type fronted struct {
	language   string // of the blocks with its configuration
	program    string
	debian     string // the package that has the program
	proxyFrom  bool   // it sends a PROXY header to Interlock
	unreadable bool   // it cannot read a PROXY header
	main       func(t *testing.T, s *setting, config string) []string
}

// fronteds are the proxies that Debian has, by the names of their pages.
func fronteds() map[string]fronted {
	return map[string]fronted{
		"nginx": {language: "nginx", program: "nginx", debian: "nginx", main: func(t *testing.T, s *setting, config string) []string {
			main := s.file(t, "nginx.conf", fmt.Sprintf("daemon off; master_process off; pid %[1]s/pid; error_log %[1]s/log;\nevents {}\nhttp { access_log off; "+
				"client_body_temp_path %[1]s; proxy_temp_path %[1]s; fastcgi_temp_path %[1]s; uwsgi_temp_path %[1]s; scgi_temp_path %[1]s;\ninclude %[2]s;\n}\n", s.dir, config))
			return []string{"-c", main, "-e", filepath.Join(s.dir, "log")}
		}},
		"haproxy": {language: "haproxy", program: "haproxy", debian: "haproxy", proxyFrom: true, main: func(_ *testing.T, _ *setting, config string) []string {
			return []string{"-db", "-f", config}
		}},
		"apache": {language: "apache", program: "apache2", debian: "apache2", main: apacheMain},
		"caddy": {language: "caddyfile", program: "caddy", debian: "caddy", unreadable: true, main: func(t *testing.T, s *setting, config string) []string {
			main := s.file(t, "Caddyfile", fmt.Sprintf("{\n\tadmin off\n\tauto_https disable_redirects\n\tstorage file_system %s\n}\nimport %s\n", s.dir, config))
			return []string{"run", "--adapter", "caddyfile", "--config", main}
		}},
	}
}

// apacheMain writes a main configuration with the modules that the page enables. Ports.conf of Debian
// listens on port 443.
func apacheMain(t *testing.T, s *setting, config string) []string {
	t.Helper()
	_, names, _ := strings.Cut(content(t, "../../docs", "with-apache.md"), "\na2enmod ")
	names, _, _ = strings.Cut(names, "\n")
	load := map[string]bool{"mpm_event": true, "authz_core": true}
	for wanted := strings.Fields(names); len(wanted) > 0; wanted = wanted[1:] {
		load[wanted[0]] = true
		_, needs, _ := strings.Cut(content(t, "/etc/apache2/mods-available", wanted[0]+".load"), "# Depends:")
		needs, _, _ = strings.Cut(needs, "\n")
		wanted = append(wanted, strings.Fields(needs)...)
	}
	main := fmt.Sprintf("ServerRoot %[1]s\nPidFile %[1]s/pid\nMutex file:%[1]s\nErrorLog %[1]s/log\nDocumentRoot %[1]s\nTypesConfig /dev/null\n", s.dir)
	for _, name := range slices.Sorted(maps.Keys(load)) {
		main += fmt.Sprintf("LoadModule %[1]s_module /usr/lib/apache2/modules/mod_%[1]s.so\n", name)
	}
	if !strings.HasPrefix(content(t, filepath.Dir(config), filepath.Base(config)), "Listen ") {
		main += "Listen " + s.ports["443"] + "\n"
	}
	return []string{"-X", "-f", s.file(t, "apache2.conf", main+"Include "+config+"\n")}
}

// A setting is what the configurations of a page are started with.
type setting struct {
	dir, cert string
	ports     map[string]string // from the ports on the pages to those in use
}

func newSetting(t *testing.T) *setting {
	t.Helper()
	s := &setting{ports: map[string]string{}}
	cert, key := selfSigned(t)
	var err error
	if s.dir, err = os.MkdirTemp("", "interlock-page-"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(s.dir) })
	if err := os.Chmod(s.dir, 0o755); err != nil { // some programs do not run as root
		t.Fatal(err)
	}
	certText, keyText := content(t, filepath.Dir(cert), filepath.Base(cert)), content(t, filepath.Dir(key), filepath.Base(key))
	s.cert = s.file(t, "fullchain.pem", certText)
	s.file(t, "privkey.pem", keyText)
	s.file(t, "both.pem", certText+keyText)
	return s
}

// file writes a file into the folder of the setting.
func (s *setting) file(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(s.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// pagePorts are the ports on the pages: of clients, of a proxy with an Interlock in front of it, of
// Interlock, and of the application.
var pagePorts = regexp.MustCompile(`\b(443|8443|8426|3000)\b`)

// real returns a configuration with the ports and the folder of the setting.
func (s *setting) real(text string) string {
	text = pagePorts.ReplaceAllStringFunc(text, func(port string) string { return s.ports[port] })
	return strings.ReplaceAll(text, "/etc/ssl/chat.example", s.dir)
}

// addr is the loopback address of a port on the pages.
func (s *setting) addr(port string) string { return net.JoinHostPort("127.0.0.1", s.ports[port]) }

// printed returns the blocks of a language on a page that a test of this name covers.
func printed(t *testing.T, page, language, name string) (all []string) {
	t.Helper()
	for _, f := range fences(t, page, content(t, "../../docs", page)) {
		if f.language == language && f.tag("test") == name {
			all = append(all, f.text)
		}
	}
	if len(all) == 0 {
		t.Fatalf("%s has no block %s test=%s", page, language, name)
	}
	return all
}

// renew takes free ports for all but the application.
func (s *setting) renew(t *testing.T, application string) {
	t.Helper()
	free, err := ports.Free(3)
	if err != nil {
		t.Fatal(err)
	}
	for i, port := range []string{"443", "8443", "8426"} {
		_, s.ports[port], _ = net.SplitHostPort(free[i])
	}
	_, s.ports["3000"], _ = net.SplitHostPort(application)
}

// start starts the proxy with a configuration of its page and returns when it listens at a port on
// the page.
func (f fronted) start(t *testing.T, s *setting, config, port string) {
	t.Helper()
	cmd := exec.Command(program(t, f.program, f.debian), f.main(t, s, s.file(t, "page.conf", s.real(config)))...)
	cmd.Env = append(os.Environ(), "HOME="+s.dir, "XDG_CONFIG_HOME="+s.dir, "XDG_DATA_HOME="+s.dir)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	ended, err := begin(t, cmd)
	t.Cleanup(func() {
		if log, _ := os.ReadFile(filepath.Join(s.dir, "log")); t.Failed() {
			t.Logf("%s: %s", f.program, log)
		}
	})
	if err == nil {
		err = comesUp(ended, serves(cmd, s.dir, s.addr(port)))
	}
	if err != nil {
		log, _ := os.ReadFile(filepath.Join(s.dir, "log"))
		t.Fatal(errors.Join(fmt.Errorf("%s: %w:\n%s%s", f.program, err, &said, log)))
	}
}
