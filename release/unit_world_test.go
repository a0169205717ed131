//go:build world

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestWorldTheUnitStarts installs the deb into a new Debian, boots that with systemd, and uses the
// service: start, a handshake through it, reload, a crash, stop.
func TestWorldTheUnitStarts(t *testing.T) {
	m := boot(t, debian(t))
	m.do(t, "systemctl", "start", "interlock")
	m.do(t, "systemd-run", "--quiet", "--unit=backend", "interlock", "lab", "sound", "--listen", "127.0.0.1:3000")
	m.eventually(t, "", "interlock", "why", "ws://127.0.0.1:8426/chat")
	m.eventually(t, "", "interlock", "healthcheck")
	m.eventually(t, "interlock.db", "ls", "/var/lib/interlock")
	m.do(t, "sed", "-i", "s/127.0.0.1:3000/127.0.0.1:3001/", "/etc/interlock/interlock.yaml")
	m.do(t, "systemctl", "reload", "interlock")
	m.eventually(t, "configuration reloaded", "journalctl", "--unit=interlock", "--no-pager")
	m.do(t, "systemctl", "kill", "--signal=KILL", "interlock")
	m.eventually(t, "NRestarts=1\nSubState=running", "systemctl", "show", "interlock", "--property=NRestarts", "--property=SubState")
	m.eventually(t, "", "interlock", "healthcheck")
	m.do(t, "systemctl", "stop", "interlock")
	m.eventually(t, "Result=success\nExecMainStatus=0", "systemctl", "show", "interlock", "--property=Result", "--property=ExecMainStatus")
	m.eventually(t, "UNSAFE 101", "interlock", "demo", "--once")
}

// debian makes a minimal Debian of the release that runs here, from the same mirror, with the deb.
func debian(t *testing.T) (root string) {
	t.Helper()
	root = filepath.Join(t.TempDir(), "root")
	_, name, _ := strings.Cut(text(t, "/etc/os-release"), "\nVERSION_CODENAME=")
	name, _, _ = strings.Cut(name, "\n")
	args := []string{"--quiet", "--variant=minbase", "--include=systemd,systemd-sysv,dbus", name, root}
	for _, pattern := range []string{"/etc/apt/sources.list", "/etc/apt/sources.list.d/debian.sources"} {
		if _, err := os.Stat(pattern); err == nil {
			args = append(args, pattern)
		}
	}
	output(t, "mmdebstrap", args...)
	if err := write(filepath.Join(root, "tmp/interlock.deb"), []byte(text(t, made(t, ".deb"))), 0o600); err != nil {
		t.Fatal(err)
	}
	output(t, "chroot", root, "dpkg", "-i", "/tmp/interlock.deb")
	return root
}

// booted is a running system, by the process ID of its systemd.
type booted string

// boot boots a system in namespaces of its own, without a network but loopback.
func boot(t *testing.T, root string) booted {
	t.Helper()
	c := exec.Command("systemd-nspawn", "--quiet", "--directory="+root, "--boot", "--register=no", "--keep-unit", "--private-network", "--console=pipe")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Process.Signal(syscall.SIGTERM) // it ends with all that runs in it
		_ = c.Wait()
	})
	children := fmt.Sprintf("/proc/%d/task/%d/children", c.Process.Pid, c.Process.Pid)
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		first, _, _ := strings.Cut(text(t, children), " ")
		if _, err := strconv.Atoi(first); err != nil {
			continue
		}
		if out, err := booted(first).run("systemctl", "is-system-running"); err == nil || strings.HasPrefix(out, "degraded") {
			return booted(first)
		}
	}
	t.Fatal("systemd has not started in a minute")
	return ""
}

func (m booted) run(name string, args ...string) (string, error) {
	out, err := exec.Command("nsenter", append([]string{"--target=" + string(m), "--all", name}, args...)...).CombinedOutput()
	return string(out), err
}

// do runs a command that must succeed.
func (m booted) do(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := m.run(name, args...); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}

// eventually runs a command until it succeeds and prints the text.
func (m booted) eventually(t *testing.T, want, name string, args ...string) {
	t.Helper()
	var out string
	var err error
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		if out, err = m.run(name, args...); err == nil && strings.Contains(out, want) {
			return
		}
	}
	t.Fatalf("%s %s: %v, and not %q\n%s", name, strings.Join(args, " "), err, want, out)
}
