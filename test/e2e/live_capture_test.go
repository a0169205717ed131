//go:build e2e

package e2e

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// liveHandshakes are requests by the path that they go to.
func liveHandshakes() map[string]string {
	all := map[string]string{}
	for path, edit := range map[string][2]string{
		"/any-method":     {"GET ", "POST "},
		"/chat":           {"Sec-WebSocket-Version: 13", "Sec-WebSocket-Version: 99"},
		"/chat?no-key":    {"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", ""},
		"/chat?none":      {"Connection: Upgrade\r\n", ""},
		"/chat?old":       {"HTTP/1.1", "HTTP/1.0"},
		"/chat?unknown":   {"Upgrade: websocket", "Upgrade: foo"},
		"/chat?h2c":       {"Upgrade: websocket", "Upgrade: h2c"},
		"/chat?valid":     {"", ""},
		"/chat?elsewhere": {"Host: staging.test", "Host: other.test"},
	} {
		valid := strings.Replace(handshake, "/chat ", path+" ", 1)
		all[path] = strings.Replace(valid, edit[0], edit[1], 1)
	}
	return all
}

// A liveCapture is tcpdump piped into interlock audit.
type liveCapture struct {
	t       *testing.T
	capture *exec.Cmd
	audit   *exec.Cmd
	said    string // by the audit, a file
	rulings string // of the audit, a file
	ended   chan struct{}
}

// captureLive captures the packets of an address and audits them as they come.
func captureLive(t *testing.T, addr string, flags ...string) *liveCapture {
	t.Helper()
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	c := &liveCapture{t: t, said: filepath.Join(dir, "said"), rulings: filepath.Join(dir, "rulings.ndjson"), ended: make(chan struct{})}
	c.capture = exec.Command(program(t, "tcpdump", "tcpdump"), "-i", "lo", "-U", "-s", "0", "-w", "-", "tcp port "+port)
	c.audit = exec.Command("interlock", append([]string{"audit", "-o", "ndjson=" + c.rulings, "-o", "text", "-"}, flags...)...)
	said, err := os.Create(c.said)
	if err != nil {
		t.Fatal(err)
	}
	defer said.Close()
	c.audit.Stdout, c.audit.Stderr = said, said
	stderr, err := c.capture.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if c.audit.Stdin, err = c.capture.StdoutPipe(); err != nil {
		t.Fatal(err)
	}
	if err := c.capture.Start(); err != nil {
		t.Fatal(err)
	}
	if err := c.audit.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(c.ended)
		c.audit.Wait()
	}()
	t.Cleanup(func() {
		c.capture.Process.Kill()
		c.audit.Process.Kill()
		<-c.ended
	})
	lines := bufio.NewReader(stderr)
	for line := ""; !strings.Contains(line, "listening on"); {
		if line, err = lines.ReadString('\n'); err != nil {
			t.Fatalf("tcpdump: %v after %q", err, line)
		}
	}
	go func() {
		io.Copy(io.Discard, lines)
		c.capture.Wait()
	}()
	return c
}

// latest returns the last ruling of each target.
func (c *liveCapture) latest() map[string]string {
	c.t.Helper()
	text, err := os.ReadFile(c.rulings)
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // the first one has not come
		c.t.Fatal(err)
	}
	all := map[string]string{}
	for _, each := range bytes.SplitAfter(text, []byte("\n")) {
		if !bytes.HasSuffix(each, []byte("\n")) {
			break // it is being written
		}
		var r struct {
			Request  struct{ Target string }
			Verdict  string
			Findings []struct{ Rule, Verdict string }
		}
		if err := json.Unmarshal(each, &r); err != nil {
			c.t.Fatalf("%v: %s", err, each)
		}
		var broken []string
		for _, f := range r.Findings {
			if f.Verdict == r.Verdict && r.Verdict != "pass" { // those that the log names
				broken = append(broken, f.Rule)
			}
		}
		slices.Sort(broken)
		all[r.Request.Target] = r.Verdict + " " + strings.Join(broken, " ")
	}
	return all
}

// rulingsOf are those of serve, in the same form.
func rulingsOf(t *testing.T, p *process, paths []string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, path := range paths {
		x := p.exchange(t, path)
		rules := slices.Sorted(slices.Values(x.Rules))
		all[path] = x.Verdict + " " + strings.Join(rules, " ")
	}
	return all
}

// TestLiveCaptureBesideServe sends handshakes through serve while tcpdump captures the same connections, and
// compares the rulings, in plain text and in TLS with a key log that the client is still writing. A tunnel
// that stays open is judged while it is open.
func TestLiveCaptureBesideServe(t *testing.T) {
	t.Parallel()
	for _, secure := range []bool{false, true} {
		t.Run(map[bool]string{false: "plain", true: "TLS"}[secure], func(t *testing.T) {
			t.Parallel()
			var flags, auditing []string
			dial := func(addr string) (net.Conn, error) { return net.Dial("tcp", addr) }
			if secure {
				cert, key := selfSigned(t)
				flags = []string{"--tls-cert", cert, "--tls-key", key}
				keys := filepath.Join(t.TempDir(), "keys.log")
				auditing = []string{"--keylog", keys}
				dial = func(addr string) (net.Conn, error) {
					log, err := os.OpenFile(keys, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
					if err != nil {
						return nil, err
					}
					defer log.Close()
					return tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true, KeyLogWriter: log})
				}
			}
			p := serve(t, labServer(t, "unsound"), flags...)
			c := captureLive(t, p.listen, auditing...)
			paths := []string{}
			for path, request := range liveHandshakes() {
				paths = append(paths, path)
				conn, err := dial(p.listen)
				if err != nil {
					t.Fatal(err)
				}
				conn.SetDeadline(time.Now().Add(patience))
				if _, err := io.WriteString(conn, request); err != nil {
					t.Fatal(err)
				}
				if _, err := bufio.NewReader(conn).ReadString('\n'); err != nil {
					t.Fatal(err)
				}
				if path == "/any-method" {
					defer conn.Close()
				} else {
					conn.Close()
				}
			}
			want := rulingsOf(t, p, paths)
			var got map[string]string
			if err := comesUp(c.ended, func() bool { got = c.latest(); return maps.Equal(got, want) }); err != nil {
				_ = c.audit.Process.Signal(syscall.SIGINT) // it then says what it has not audited
				<-c.ended
				said, _ := os.ReadFile(c.said)
				t.Fatalf("%v: got %v\nwant %v\n%s", err, got, want, said)
			}
			if text, err := os.ReadFile(c.said); err != nil || strings.Count(string(text), "/any-method") != 1 {
				t.Errorf("%v, %s", err, text)
			}
			if err := c.audit.Process.Signal(syscall.SIGINT); err != nil {
				t.Fatal(err)
			}
			select {
			case <-c.ended:
			case <-time.After(patience):
				t.Fatal("audit does not end")
			}
			text, err := os.ReadFile(c.said)
			if status := c.audit.ProcessState.ExitCode(); err != nil || status != 1 || !strings.Contains(string(text), fmt.Sprintf(" %d exchanges: ", len(want))) {
				t.Errorf("status %d, %v, %s", status, err, text)
			}
			if got := c.latest(); !maps.Equal(got, want) {
				t.Errorf("got %v at the end\nwant %v", got, want)
			}
		})
	}
}
