//go:build e2e

package e2e

import (
	"crypto/tls"
	"encoding/json"
	"io"
	"net"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/interlock-proxy/interlock/internal/lab"
)

// TestEveryAgainGetsTheSameAnswer runs in a shell each command that a report gives to reproduce a
// failure, and expects the status that the report shows.
func TestEveryAgainGetsTheSameAnswer(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		backend     string
		secure      bool
		least, curl int // minimum number of commands, and how many of them use curl
	}{{"switches-on-anything", false, 100, 40}, {"gobwas-unchecked", false, 4, 1}, {"ambiguous-content", false, 3, 0}, {"no-key", true, 1, 1}} {
		t.Run(c.backend, func(t *testing.T) {
			t.Parallel()
			b, err := lab.Find(c.backend)
			if err != nil {
				t.Fatal(err)
			}
			address, scheme := labServer(t, c.backend), "http://"
			if c.secure {
				address, scheme = secured(t, address), "https://"
			}
			results := repeatable(t, scheme+address+b.Paths[0])
			if len(results) < c.least {
				t.Errorf("%d failures can be seen again, want %d", len(results), c.least)
			}
			var all sync.WaitGroup
			room := make(chan struct{}, 48) // limits concurrent commands; each spends most of its life waiting
			byCurl := 0
			var mu sync.Mutex
			var differ []repeated // commands that got another status in parallel; they are run again one at a time
			for _, r := range results {
				commands := []string{r.Ruling.Again}
				if r.Ruling.Curl != "" {
					commands = append(commands, r.Ruling.Curl)
					byCurl++
				}
				for _, command := range commands {
					room <- struct{}{}
					all.Go(func() {
						defer func() { <-room }()
						if r.Ruling.Again = command; !r.gets(t) {
							mu.Lock()
							differ = append(differ, r)
							mu.Unlock()
						}
					})
				}
			}
			all.Wait()
			for _, r := range differ {
				same := false
				for tries := 0; !same && tries < 2; tries++ {
					same = r.gets(t)
				}
				if !same {
					t.Errorf("%s: got %v, want %d: %s", r.Probe, statusesOf(t, r.Ruling.Again), r.Status, r.Ruling.Again)
				}
			}
			if byCurl < c.curl {
				t.Errorf("%d commands by curl, want %d", byCurl, c.curl)
			}
		})
	}
}

// repeated is a result with the commands that repeat it.
type repeated struct {
	Probe  string
	Status int
	Ruling struct{ Again, Curl, Portable string }
}

// gets reports whether the command gets the status of the report.
func (r *repeated) gets(t *testing.T) bool {
	got := statusesOf(t, r.Ruling.Again)
	return slices.Contains(got, r.Status) || r.Status == 0 && len(got) == 0
}

// repeatable returns the failures of a run of probes.
func repeatable(t *testing.T, url string) (all []repeated) {
	t.Helper()
	name := file(t, "run.json", nil)
	run(t, "interlock", "probe", url, "--insecure", "-o", "json="+name)
	var document struct {
		Endpoints []struct{ Results []repeated }
	}
	b, err := os.ReadFile(name)
	if err == nil {
		err = json.Unmarshal(b, &document)
	}
	if err != nil {
		t.Fatal(err)
	}
	flags := ""
	if strings.HasPrefix(url, "https:") {
		flags = " --insecure"
	}
	for _, r := range document.Endpoints[0].Results {
		if r.Ruling.Again == "" {
			continue
		}
		all = append(all, r)
		if want := "interlock probe " + url + flags + " --only " + r.Probe; r.Ruling.Portable != want {
			t.Errorf("got %q, want %q", r.Ruling.Portable, want)
		}
	}
	return all
}

// statusLine begins the head of a response.
var statusLine = regexp.MustCompile(`HTTP/1\.[01] ([0-9]{3})`)

// statusesOf runs a command that ends by itself, and returns the statuses in its output. An
// unreadable status is 0.
func statusesOf(t *testing.T, command string) (all []int) {
	output, _ := exec.Command("sh", "-c", command).Output() // curl and nc exit with another status when they time out
	for _, m := range statusLine.FindAllSubmatch(output, -1) {
		status, err := strconv.Atoi(string(m[1]))
		if err != nil {
			t.Error(err)
		}
		all = append(all, status)
	}
	return all
}

// secured returns the address of a TLS listener in front of the backend.
func secured(t *testing.T, backend string) (address string) {
	t.Helper()
	s := httptest.NewUnstartedServer(nil)
	s.StartTLS() // creates the certificate
	certificates := s.TLS.Certificates
	s.Close()
	ln, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: certificates})
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			all.Go(func() { join(conn, backend) })
		}
	})
	t.Cleanup(func() {
		ln.Close()
		all.Wait()
	})
	return ln.Addr().String()
}

// join copies bytes between a client and the backend until one of them closes.
func join(client net.Conn, backend string) {
	defer client.Close()
	server, err := net.Dial("tcp", backend)
	if err != nil {
		return
	}
	var down sync.WaitGroup
	down.Go(func() {
		io.Copy(client, server)
		client.Close()
	})
	io.Copy(server, client)
	server.Close()
	down.Wait()
}
