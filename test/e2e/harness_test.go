//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// patience is how long a test waits for an event. No test draws a conclusion from how long it took.
const patience = 2 * time.Minute

// TestMain builds the program once and puts it first on the path.
func TestMain(m *testing.M) {
	dir, err := build()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(status int) {
		os.RemoveAll(dir)
		os.Exit(status)
	}))
}

// build returns a new directory with the program in it. It clears the environment variables that
// would configure Interlock, and points its default store into that directory.
func build() (dir string, err error) {
	for _, each := range os.Environ() {
		if name, _, _ := strings.Cut(each, "="); strings.HasPrefix(name, "INTERLOCK_") || strings.HasSuffix(strings.ToLower(name), "_proxy") {
			os.Unsetenv(name)
		}
	}
	if dir, err = os.MkdirTemp("", "interlock-e2e-"); err != nil {
		return "", err
	}
	if err := os.Chmod(dir, 0o755); err != nil { // for programs that do not run as root
		return "", err
	}
	if out, err := exec.Command("go", "build", "-C", "../..", "-o", dir, "./cmd/interlock").CombinedOutput(); err != nil {
		return "", errors.Join(fmt.Errorf("build interlock: %w\n%s", err, out), os.RemoveAll(dir))
	}
	return dir, errors.Join(
		os.Setenv("PATH", dir+string(filepath.ListSeparator)+os.Getenv("PATH")), os.Setenv("XDG_STATE_HOME", filepath.Join(dir, "state")))
}

// program returns the path of a program that a test requires. pkg is the package that
// test/e2e/install installs for it.
func program(t testing.TB, name, pkg string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%s is missing: test/e2e/install installs it, or apt-get install %s", name, pkg)
	}
	return path
}

// begin starts a server that ends with its test. The returned channel is closed when the server has
// ended.
func begin(t testing.TB, cmd *exec.Cmd) (chan struct{}, error) {
	t.Helper()
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		cmd.Wait() // its log says how it ended
	}()
	t.Cleanup(func() {
		cmd.Process.Kill()
		<-ended
	})
	return ended, nil
}

// comesUp waits until a server that begin started is up.
func comesUp(ended chan struct{}, up func() bool) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); !up(); {
		select {
		case <-ended:
			return errors.New("ended while it started")
		case <-tick.C:
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("is not up after %v", patience)
		}
	}
	return nil
}

// serves returns for comesUp whether a program accepts connections. Apache listens while it checks its configuration, and
// closes that again: it is up when it has written its process ID into its folder.
func serves(cmd *exec.Cmd, dir, addr string) func() bool {
	return func() bool {
		if filepath.Base(cmd.Path) == "apache2" {
			if _, err := os.Stat(filepath.Join(dir, "pid")); err != nil {
				return false
			}
		}
		return listens(addr)
	}
}

// result is the outcome of a command that has ended.
type result struct {
	stdout, stderr string
	status         int // exit status
}

// run runs a command and waits for it to end.
func run(t testing.TB, name string, args ...string) result {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || ctx.Err() != nil) {
		t.Fatalf("%s %q: %v\n%s%s", name, args, err, &stdout, &stderr)
	}
	return result{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

// succeed runs a command that must exit with status 0.
func succeed(t testing.TB, name string, args ...string) result {
	t.Helper()
	r := run(t, name, args...)
	if r.status != 0 {
		t.Fatalf("%s %q: got status %d, want 0\n%s%s", name, args, r.status, r.stdout, r.stderr)
	}
	return r
}

// file writes a temporary file for a test.
func file(t testing.TB, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
