package store

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/interlock-proxy/interlock/internal/lab/ports"
)

// secret is the password of the test's database. It must appear in no error.
const secret = "pa55-w0rd/%&"

// A cluster is a PostgreSQL server started by the tests.
type cluster struct {
	bin, dir, port string
	credential     *syscall.Credential
	databases      int
}

// running is the cluster of all tests. The first test that needs it starts it; TestMain stops it.
var running struct {
	once sync.Once
	c    *cluster
	err  error
}

func postgresCluster(t testing.TB) *cluster {
	t.Helper()
	running.once.Do(func() { running.c, running.err = startCluster() })
	if running.err != nil {
		t.Fatalf("PostgreSQL: %v", running.err)
	}
	return running.c
}

func startCluster() (*cluster, error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/pg_ctl")
	if path, err := exec.LookPath("pg_ctl"); err == nil {
		found = append(found, path)
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("there is no pg_ctl: apt-get install postgresql")
	}
	slices.Sort(found)
	c := &cluster{bin: filepath.Dir(found[len(found)-1])}
	var err error
	if c.dir, err = os.MkdirTemp("", "interlock-postgres-"); err != nil {
		return nil, err
	}
	if err := c.initialize(); err != nil {
		return nil, err
	}
	return c, ports.Use(func(addr string) error {
		_, c.port, _ = net.SplitHostPort(addr)
		return c.start()
	})
}

// initialize creates the files of the server in its folder.
func (c *cluster) initialize() error {
	if os.Getuid() == 0 { // PostgreSQL refuses to run as root
		if err := c.drop(); err != nil {
			return err
		}
	}
	password := filepath.Join(c.dir, "password")
	if err := os.WriteFile(password, []byte(secret), 0o644); err != nil {
		return err
	}
	return c.run("initdb", "-D", c.dir+"/cluster", "-U", "interlock", "-A", "scram-sha-256", "--pwfile", password, "-N", "-E", "UTF8", "--locale", "C")
}

func (c *cluster) drop() error {
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, _ := strconv.Atoi(u.Uid)
		gid, _ := strconv.Atoi(u.Gid)
		c.credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		return os.Chown(c.dir, uid, gid)
	}
	return fmt.Errorf("there is neither a user postgres nor nobody")
}

func (c *cluster) run(program string, args ...string) error {
	cmd := exec.Command(filepath.Join(c.bin, program), args...)
	cmd.Dir, cmd.SysProcAttr = c.dir, &syscall.SysProcAttr{Credential: c.credential}
	out, err := os.OpenFile(filepath.Join(c.dir, "out"), os.O_CREATE|os.O_RDWR|os.O_TRUNC, 0o600) // the server that is started keeps it open
	if err != nil {
		return err
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Run(); err != nil {
		text, _ := os.ReadFile(out.Name())
		return fmt.Errorf("%s: %w: %s", program, err, text)
	}
	return nil
}

func (c *cluster) start() error {
	options := "-p " + c.port + " -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off -c max_connections=100 -c deadlock_timeout=200ms"
	log := filepath.Join(c.dir, "log")
	if err := os.Remove(log); err != nil && !os.IsNotExist(err) { // the log of an earlier start does not matter
		return err
	}
	err := c.run("pg_ctl", "-D", c.dir+"/cluster", "-l", log, "-w", "-t", "60", "-o", options, "start")
	if err != nil {
		text, _ := os.ReadFile(log)
		err = fmt.Errorf("%w\nthe server's log:\n%s", err, text[max(0, len(text)-4096):])
	}
	return err
}

func (c *cluster) stop(mode string) error {
	return c.run("pg_ctl", "-D", c.dir+"/cluster", "-w", "-m", mode, "stop")
}

// signal sends a signal to the server and all its processes.
func (c *cluster) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	text, err := os.ReadFile(c.dir + "/cluster/postmaster.pid")
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(text), "\n")
	pids := []string{first}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, name := range stats {
		stat, _ := os.ReadFile(name)
		if _, rest, ok := bytes.Cut(stat, []byte(") ")); ok { // the state and the parent follow the name
			if words := bytes.Fields(rest); len(words) > 1 && string(words[1]) == first {
				pids = append(pids, filepath.Base(filepath.Dir(name)))
			}
		}
	}
	for _, pid := range pids {
		n, err := strconv.Atoi(pid)
		if err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(n, s); err != nil && err != syscall.ESRCH {
			t.Fatal(err)
		}
	}
}

// dsn returns the URL of a database.
func (c *cluster) dsn(database string) string {
	return (&url.URL{Scheme: "postgres", User: url.UserPassword("interlock", secret), Host: "127.0.0.1:" + c.port, Path: database, RawQuery: "sslmode=disable"}).String()
}

// admin returns a connection to the server's own database.
func (c *cluster) admin(t testing.TB) *sql.DB {
	t.Helper()
	admin, err := sql.Open("pgx", c.dsn("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { admin.Close() })
	return admin
}

// database creates an empty database.
func (c *cluster) database(t testing.TB) string {
	t.Helper()
	c.databases++
	name := fmt.Sprintf("store%d", c.databases)
	if _, err := c.admin(t).ExecContext(t.Context(), "CREATE DATABASE "+name); err != nil {
		t.Fatal(err)
	}
	return c.dsn(name)
}

func stopCluster() {
	if c := running.c; c != nil {
		if err := c.stop("immediate"); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		os.RemoveAll(c.dir)
	}
}

// TestAServerThatDoesNotStartSaysWhy starts a second server on the port of the first.
func TestAServerThatDoesNotStartSaysWhy(t *testing.T) {
	c := postgresCluster(t)
	second := *c
	second.dir = t.TempDir()
	if err := errors.Join(os.Chmod(filepath.Dir(second.dir), 0o755), os.Chmod(second.dir, 0o755)); err != nil {
		t.Fatal(err)
	}
	err := second.initialize()
	if err == nil {
		err = second.start()
	}
	if err == nil || !strings.Contains(err.Error(), "Address already in use") {
		t.Errorf("got %v, want the line of its log about the port", err)
	}
}
