//go:build e2e

package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestLittleMemoryIsEnough opens 1,000 tunnels and makes 5,000 exchanges while the heap is limited
// to 48 MiB and the address space to 2 GiB. No connection is cut off, the pages answer, and
// resident memory stays within 128 MiB.
func TestLittleMemoryIsEnough(t *testing.T) {
	t.Parallel()
	o := startOrigin(t)
	limited := []string{"env", "GOMEMLIMIT=48MiB", "prlimit", fmt.Sprintf("--as=%d", 2<<30), "--"}
	p := serveBy(t, limited, o.addr(), "--store", filepath.Join(t.TempDir(), "interlock.db"))
	tunnels(t, p.listen, 1000, func() {
		exchanges(t, p.listen, 5000, 50)
		if got := statusOf(t, "http://"+p.admin+"/healthz"); got != http.StatusOK {
			t.Errorf("healthz: got %d", got)
		}
		if kB := p.resident(); kB > 128<<10 {
			t.Errorf("got %d kB resident, want at most %d", kB, 128<<10)
		}
	})
	p.nothingLeft()
	if stopped := p.stop(); stopped.Upgrades != 1000 || stopped.Exchanges != 6000 {
		t.Errorf("got %s, want 1,000 upgrades of 6,000 exchanges", stopped.text)
	}
}

// statusOf returns the status of a GET for a URL.
func statusOf(t testing.TB, url string) (status int) {
	t.Helper()
	c := client(t)
	defer c.CloseIdleConnections() // they use up the server's descriptors
	answer, err := c.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	io.Copy(io.Discard, answer.Body)
	return answer.StatusCode
}

// TestAStoreThatMayNotBeWrittenAnyMore removes the write permission from a store in use and gives
// it back. The modes affect only files that are opened later.
func TestAStoreThatMayNotBeWrittenAnyMore(t *testing.T) {
	t.Parallel()
	withoutStore(t, notRoot(t), chmod(0o444, 0o555), chmod(0o644, 0o755))
}

// withoutStore runs serve under a command, breaks its store with take, and repairs it with give.
// Clients notice nothing, each finding reported as stored is stored, and in the end all of them
// are. It returns how many findings were reported as not stored.
func withoutStore(t *testing.T, by []string, take, give func(t *testing.T, p *process, dir string)) (refused int) {
	t.Helper()
	dir := filepath.Join(enterable(t), "store")
	if err := errors.Join(os.Mkdir(dir, 0o777), os.Chmod(dir, 0o777)); err != nil { // independent of the umask
		t.Fatal(err)
	}
	kept := filepath.Join(dir, "interlock.db")
	p := serveBy(t, by, labServer(t, "unsound"), "--store", kept)
	unsafe := 0
	post := func(times int) {
		for range times {
			unsafe++
			conn := dial(t, p.listen)
			send(t, conn, strings.Replace(handshake, "GET", "POST", 1))
			expect(t, conn, "HTTP/1.1 101 ")
			conn.Close()
		}
		within(t, fmt.Sprintf("%d unsafe switches are logged", unsafe), func() bool { return len(p.all("unsafe switch")) == unsafe })
	}
	post(5)
	take(t, p, dir)
	post(20)
	if got := statusOf(t, "http://"+p.admin+"/healthz"); got != http.StatusOK {
		t.Errorf("healthz: got %d", got)
	}
	give(t, p, dir)
	post(5)
	within(t, "the store takes everything again", func() bool { return statusOf(t, "http://"+p.admin+"/readyz") == http.StatusOK })
	p.stop()
	return p.isStored(t, kept, unsafe)
}

// isStored checks that the store has all unsafe switches, in particular those that the log reported
// as stored. It returns how many the log reported as not stored.
func (p *process) isStored(t *testing.T, kept string, unsafe int) (refused int) {
	t.Helper()
	report := run(t, "interlock", "report", "--store", kept, "-o", "ndjson")
	there := map[string]bool{}
	for text := range strings.Lines(report.stdout) {
		var r struct {
			ID     string
			Unsafe bool
		}
		if err := json.Unmarshal([]byte(text), &r); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		there[r.ID] = r.Unsafe
	}
	stored := 0
	for _, l := range p.all("unsafe switch") {
		var said struct{ Stored bool }
		if err := json.Unmarshal([]byte(l.text), &said); err != nil {
			t.Fatal(err)
		}
		if !said.Stored {
			refused++
		} else if stored++; !there[l.Exchange] {
			t.Errorf("the log says that %s is stored, and it is not", l.Exchange)
		}
	}
	if stored == 0 || len(there) != unsafe {
		t.Errorf("%d of %d are in the store, %d according to the log\n%s", len(there), unsafe, stored, report.stderr)
	}
	return refused
}

// notRoot returns a prefix that runs a command as the user nobody if the test runs as root, because
// root may write anywhere.
func notRoot(t *testing.T) []string {
	t.Helper()
	if os.Getuid() != 0 {
		return nil
	}
	return []string{"setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--"}
}

// enterable returns a temporary folder that every user may enter.
func enterable(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, each := range []string{dir, filepath.Dir(dir)} {
		if err := os.Chmod(each, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// chmod returns a function that sets the modes of the store's files and of their folder.
func chmod(files, folder os.FileMode) func(t *testing.T, _ *process, dir string) {
	return func(t *testing.T, _ *process, dir string) {
		t.Helper()
		names, err := filepath.Glob(filepath.Join(dir, "*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			os.Chmod(name, files) // SQLite may remove some of these files at any time
		}
		if err := os.Chmod(dir, folder); err != nil {
			t.Fatal(err)
		}
	}
}

// all returns the lines with a message.
func (j *journal) all(message string) (found []line) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, l := range j.lines {
		if l.Message == message {
			found = append(found, l)
		}
	}
	return found
}

// within waits until is returns true.
func within(t *testing.T, what string, is func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); !is(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}
