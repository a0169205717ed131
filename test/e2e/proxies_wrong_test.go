//go:build e2e

package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// wrongly is a comment of a page before the output of Interlock for a configuration of the page
// without some of its text.
var wrongly = regexp.MustCompile("<!-- (behind|in front), without: ?(.*) -->\n+```text test=TestWhatWrongProxiesShow\n((?s:.*?))```")

// TestWhatWrongProxiesShow takes a part out of a configuration of each page, has a client connect, and
// compares what Interlock prints with the page.
func TestWhatWrongProxiesShow(t *testing.T) {
	t.Parallel()
	for name, f := range fronteds() {
		found := wrongly.FindAllStringSubmatch(content(t, "../../docs", "with-"+name+".md"), -1)
		if len(found) == 0 {
			t.Errorf("with-%s.md does not show what a wrong configuration leads to", name)
		}
		for _, m := range found {
			place, without, want := m[1], slices.DeleteFunc(strings.Split(m[2], " | "), func(each string) bool { return each == "" }), m[3]
			t.Run(name+", "+place, func(t *testing.T) {
				t.Parallel()
				s := newSetting(t)
				s.renew(t, labServer(t, "sound"))
				test, port := "TestBehindProxies", "443"
				if place == "in front" {
					test, port = "TestInFrontOfProxies", "8443"
				}
				configs := printed(t, "proxies.md", "yaml", test)
				config := configs[len(configs)-1]
				if place == "behind" && !f.proxyFrom {
					config = configs[0]
				}
				text := printed(t, "with-"+name+".md", f.language, test)[0]
				for _, each := range without {
					if strings.Count(text, each)+strings.Count(config, each) != 1 {
						t.Fatalf("%q is not in one configuration", each)
					}
					text, config = strings.Replace(text, each, "", 1), strings.Replace(config, each, "", 1)
				}
				f.start(t, s, text, port)
				log := s.serveAsText(t, config)
				head, err := s.upgrade(t, freshKey())
				if err == nil {
					t.Errorf("the client has a tunnel: %q", head)
				}
				s.shows(t, log, want)
			})
		}
	}
}

// serveAsText starts Interlock with a log for people, and returns the file with the log.
func (s *setting) serveAsText(t *testing.T, config string) string {
	t.Helper()
	path := filepath.Join(s.dir, "interlock.log")
	log, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd := exec.Command("interlock", "serve", "--config", s.file(t, "interlock.yaml", s.real(config)), "--admin", "127.0.0.1:0", "--log", "text", "--store", "memory")
	cmd.Env = append(os.Environ(), "SSL_CERT_FILE="+s.cert)
	cmd.Stdout, cmd.Stderr = log, log
	ended, err := begin(t, cmd)
	if err == nil {
		err = comesUp(ended, func() bool { return strings.Contains(content(t, s.dir, "interlock.log"), " admin http") })
	}
	if err != nil {
		t.Fatalf("interlock: %v:\n%s", err, content(t, s.dir, "interlock.log"))
	}
	return path
}

// shows waits until a log shows what is on a page. Lines before and after that may be others.
func (s *setting) shows(t *testing.T, log, want string) {
	t.Helper()
	for port, real := range s.ports {
		want = strings.ReplaceAll(want, "127.0.0.1:"+port, "127.0.0.1:"+real)
	}
	for deadline := time.Now().Add(patience / 4); ; time.Sleep(20 * time.Millisecond) {
		got := content(t, filepath.Dir(log), filepath.Base(log))
		err := sameOutput("...\n"+want+"...\n", got)
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%v\n%s", err, got)
		}
	}
}
