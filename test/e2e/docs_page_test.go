//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/internal/lab/ports"
)

// A doc is a page whose examples are run.
type doc struct {
	dir       string
	backend   string            // the lab's backend
	addresses map[string]string // from the addresses on the page to those in use
	printed   string            // the output of the last block
	serving   bool
}

// newDoc creates the folder of a page and starts its backend.
func newDoc(t *testing.T, text string) *doc {
	t.Helper()
	d := &doc{dir: t.TempDir(), addresses: map[string]string{}}
	backend := "sound"
	if m := regexp.MustCompile(`<!-- backend: (\S+) -->`).FindStringSubmatch(text); m != nil {
		backend = m[1]
	}
	if d.backend = backend; backend != "none" {
		d.addresses["127.0.0.1:3000"] = labServer(t, backend)
	}
	named := []string{"127.0.0.1:3000", "127.0.0.1:3001", "127.0.0.1:8426", "127.0.0.1:8427", "127.0.0.1:9426"}
	free, err := ports.Free(len(named))
	if err != nil {
		t.Fatal(err)
	}
	for i, each := range named {
		if d.addresses[each] == "" {
			d.addresses[each] = free[i]
		}
	}
	if err := os.MkdirAll(filepath.Join(d.dir, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(program(t, "interlock", "interlock"), filepath.Join(d.dir, "bin", "interlock")); err != nil {
		t.Fatal(err)
	}
	d.suite(t)
	if m := regexp.MustCompile(`<!-- runs: (\d) -->`).FindStringSubmatch(text); m != nil {
		n, _ := strconv.Atoi(m[1])
		for range n {
			d.command(t, &fence{page: "before"}, "interlock probe http://127.0.0.1:3000/chat --only UPGRADE-POST || true")
		}
	}
	return d
}

// suite creates a project whose npm test runs a suite with Node's ws.
func (d *doc) suite(t *testing.T) {
	t.Helper()
	modules, err := filepath.Abs("node/node_modules")
	if err == nil {
		err = os.Symlink(modules, filepath.Join(d.dir, "node_modules"))
	}
	for name, text := range map[string]string{
		"suite.mjs":    content(t, "node", "suite.mjs"),
		"package.json": `{"name": "chat", "scripts": {"test": "CHAT_URL=${CHAT_URL:-$INTERLOCK_WS_URL/chat} node --test suite.mjs"}}`,
	} {
		err = errors.Join(err, os.WriteFile(filepath.Join(d.dir, name), []byte(text), 0o600))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// shell returns a command that runs in the folder of the page.
func (d *doc) shell(ctx context.Context, line string) *exec.Cmd {
	if rest, ok := strings.CutPrefix(line, "make "); ok {
		line = "make -n -C " + root() + " " + rest // dry run: the interlock binary was built already
	}
	cmd := exec.CommandContext(ctx, "bash", "-ec", d.real(line))
	cmd.Dir, cmd.WaitDelay = d.dir, 10*time.Second
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(each string) bool { return strings.HasPrefix(each, "XDG_STATE_HOME=") }),
		"HOME="+d.dir, d.real("INTERLOCK_LISTEN=127.0.0.1:8426"), d.real("INTERLOCK_ADMIN=127.0.0.1:9426"), "NPM_CONFIG_UPDATE_NOTIFIER=false")
	return cmd
}

func root() string {
	path, err := filepath.Abs("../..")
	if err != nil {
		return "../.."
	}
	return path
}

// command runs one line and appends its output to printed.
func (d *doc) command(t *testing.T, f *fence, line string) {
	t.Helper()
	want := 0
	if text := f.tag("status"); text != "" {
		want, _ = strconv.Atoi(text)
	}
	if m := regexp.MustCompile(`# exit status (\d)`).FindStringSubmatch(line); m != nil {
		want, _ = strconv.Atoi(m[1])
	}
	ctx, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	var stdout, stderr bytes.Buffer
	cmd := d.shell(ctx, line)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if got := cmd.ProcessState.ExitCode(); got != want || err != nil && ctx.Err() != nil {
		t.Errorf("%s:%d: %s: got status %d, want %d: %v\n%s%s", f.page, f.line, line, got, want, err, &stdout, &stderr)
	}
	d.printed += d.shown(stdout.String())
}

// start starts a server, waits until it answers, and has a client upgrade through it.
func (d *doc) start(t *testing.T, f *fence, line string) {
	t.Helper()
	address := d.addresses["127.0.0.1:8426"]
	if m := regexp.MustCompile(`lab .*--listen (\S+)`).FindStringSubmatch(line); m != nil {
		address = d.addresses[m[1]]
	}
	var out bytes.Buffer
	cmd := d.shell(context.Background(), "exec "+line)
	cmd.Stdout, cmd.Stderr = &out, &out
	ended, err := begin(t, cmd)
	if err == nil {
		err = comesUp(ended, func() bool { return upgradesAt(address) == nil })
	}
	if err != nil {
		t.Fatalf("%s:%d: %s: %v\n%s", f.page, f.line, line, err, &out)
	}
	d.serving = d.serving || strings.Contains(line, "interlock serve")
}

// upgradesAt makes a WebSocket handshake at /chat.
func upgradesAt(address string) error {
	conn, err := net.DialTimeout("tcp", address, time.Second)
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(5 * time.Second))
	fmt.Fprintf(conn, "GET /chat HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n", address)
	line := make([]byte, len("HTTP/1.1 101"))
	if _, err := io.ReadFull(conn, line); err != nil || string(line) != "HTTP/1.1 101" {
		return fmt.Errorf("got %q, %w", line, err)
	}
	return nil
}

// file creates a file that a command reads.
func (d *doc) file(t *testing.T, name string) {
	t.Helper()
	path := filepath.Join(d.dir, name)
	var err error
	switch {
	case name == "":
	case strings.HasSuffix(name, ".json"):
		d.command(t, &fence{page: "before"}, "interlock probe http://127.0.0.1:3000/chat --only UPGRADE-POST -o json="+name+" || true")
	case name == "urls.txt":
		err = os.WriteFile(path, []byte(d.real("# endpoints\nhttp://127.0.0.1:3000/chat\nhttp://127.0.0.1:3000/echo\n")), 0o600)
	case name == "credentials":
		err = os.WriteFile(path, []byte("Cookie: session=4f9d2c7a\n"), 0o600)
	case name == "alice.txt", name == "bob.txt":
		at := map[string]string{"alice.txt": "/chat", "bob.txt": "/echo"}[name]
		err = os.WriteFile(path, []byte("GET "+at+" HTTP/1.1\nCookie: session="+name+"\n"), 0o600)
	case name == "paste.txt":
		err = os.WriteFile(path, []byte(content(t, "../../internal/capture/testdata/pastes", "quoted.txt")), 0o600)
	case name == "traffic.pcapng":
		err = os.WriteFile(path, []byte(content(t, "../../internal/capture/testdata/cases", "sound-ends-with-isb.pcapng")), 0o600)
	case name == "keys.log":
		err = os.WriteFile(path, []byte("CLIENT_RANDOM "+strings.Repeat("5a", 32)+" "+strings.Repeat("c3", 48)+"\n"), 0o600)
	case name == "captures/":
		err = errors.Join(os.Mkdir(path, 0o755), os.WriteFile(filepath.Join(path, "chat.wire"), []byte(content(t, "../../rules/testdata/UPGRADE-POST", "refused-post.wire")), 0o600))
	default:
		err = fmt.Errorf("the test cannot make %s", name)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// real replaces the addresses and folders on the page by those in use.
func (d *doc) real(text string) string {
	return strings.ReplaceAll(replaced(text, d.addresses), "/home/me", d.dir)
}

// shown replaces the addresses in the output by those on the page.
func (d *doc) shown(text string) string {
	back := map[string]string{}
	for name, is := range d.addresses {
		back[is] = name
	}
	return strings.ReplaceAll(replaced(text, back), d.dir, "/home/me")
}

var onLoopback = regexp.MustCompile(`127\.0\.0\.1:\d+`)

// replaced replaces addresses in a text.
func replaced(text string, others map[string]string) string {
	return onLoopback.ReplaceAllStringFunc(text, func(address string) string {
		if other, ok := others[address]; ok {
			return other
		}
		return address
	})
}

// sameOutput compares the expected lines with the output. A line "..." matches any number of lines;
// "..." within a line matches any text.
func sameOutput(want, got string) error {
	lines := strings.Split(strings.TrimRight(got, "\n"), "\n")
	anywhere := false
	for line := range strings.Lines(want) {
		line = strings.TrimRight(line, " \n")
		if strings.TrimSpace(line) == "..." {
			anywhere = true
			continue
		}
		pattern := regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(line), `\.\.\.`, ".*") + "$")
		i := slices.IndexFunc(lines, func(each string) bool { return pattern.MatchString(strings.TrimRight(each, " \r")) })
		if i < 0 || i > 0 && !anywhere {
			return fmt.Errorf("the line %q was not printed there", line)
		}
		lines, anywhere = lines[i+1:], false
	}
	if len(lines) > 0 && !anywhere {
		return fmt.Errorf("more was printed: %q", lines[0])
	}
	return nil
}
