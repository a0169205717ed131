//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/internal/lab/ports"
)

// A postgres is a PostgreSQL server that ends with its test.
type postgres struct {
	t    testing.TB
	bin  string
	data string
	port string
	cmd  *exec.Cmd
}

// startPostgres starts a server with an empty database that needs no password, and without fsync.
// Each of the settings is one as in postgresql.conf.
func startPostgres(t *testing.T, settings ...string) *postgres {
	t.Helper()
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if len(found) == 0 {
		t.Fatal("PostgreSQL is missing: test/e2e/install installs it, or apt-get install postgresql")
	}
	slices.Sort(found)
	dir, err := os.MkdirTemp("", "interlock-fleet-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	d := &postgres{t: t, bin: filepath.Dir(found[len(found)-1]), data: filepath.Join(dir, "data")}
	var owner *syscall.SysProcAttr
	if os.Getuid() == 0 { // PostgreSQL refuses to run as root
		owner = owned(t, dir)
	}
	initialize := exec.Command(filepath.Join(d.bin, "initdb"), "-D", d.data, "-U", "interlock", "-A", "trust", "-N", "-E", "UTF8", "--locale", "C")
	initialize.SysProcAttr, initialize.Dir = owner, "/"
	if out, err := initialize.CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	err = ports.Use(func(addr string) error {
		_, d.port, _ = net.SplitHostPort(addr)
		words := []string{"-D", d.data, "-p", d.port, "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "fsync=off"}
		for _, s := range settings {
			words = append(words, "-c", s)
		}
		d.cmd = exec.Command(filepath.Join(d.bin, "postgres"), words...)
		d.cmd.SysProcAttr, d.cmd.Dir = owner, "/"
		ended, err := begin(t, d.cmd)
		if err != nil {
			return err
		}
		return comesUp(ended, func() bool { _, err := d.ask("SELECT 1"); return err == nil })
	})
	if err != nil {
		t.Fatalf("postgres: %v", err)
	}
	return d
}

// url returns the name of the store.
func (d *postgres) url() string {
	return "postgres://interlock@127.0.0.1:" + d.port + "/postgres?sslmode=disable"
}

// ask runs psql.
func (d *postgres) ask(text string) (string, error) {
	d.t.Helper()
	cmd := exec.Command(program(d.t, "psql", "postgresql-client"), "-XAt", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", d.port, "-U", "interlock", "-d", "postgres", "-c", text)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, &said)
	}
	return strings.TrimSpace(string(out)), nil
}

// number returns the result of a query.
func (d *postgres) number(text string) int64 {
	d.t.Helper()
	out, err := d.ask(text)
	if err != nil {
		d.t.Fatalf("%s: %v", text, err)
	}
	n, err := strconv.ParseInt(out, 10, 64)
	if err != nil {
		d.t.Fatalf("%s: got %q", text, out)
	}
	return n
}

// await waits until a query has that result.
func (d *postgres) await(text string, want int64) {
	d.t.Helper()
	got := d.number(text)
	for deadline := time.Now().Add(patience); got != want; got = d.number(text) {
		if time.Now().After(deadline) {
			d.t.Fatalf("%s: got %d, want %d", text, got, want)
		}
		time.Sleep(50 * time.Millisecond)
	}
}
