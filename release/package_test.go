package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// minimalRoot is a system with a shell and the targets of systemd.
func minimalRoot(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for _, dir := range []string{"bin", "tmp", "var/lib/dpkg/info", "var/lib/dpkg/updates", "etc", "usr/bin", "usr/lib", "usr/share/doc", "usr/share/man"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	busybox := strings.TrimSpace(output(t, "which", "busybox"))
	if err := write(filepath.Join(root, "bin/busybox"), []byte(text(t, busybox)), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"sh", "rm", "rmdir", "kill"} {
		if err := os.Symlink("busybox", filepath.Join(root, "bin", name)); err != nil {
			t.Fatal(err)
		}
	}
	const units = "usr/lib/systemd/system"
	targets, err := filepath.Glob("/" + units + "/*.target")
	if err != nil || len(targets) == 0 {
		t.Fatalf("no targets of systemd: test/e2e/install installs it (%v)", err)
	}
	for _, name := range targets {
		if err := write(filepath.Join(root, units, filepath.Base(name)), []byte(text(t, name)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := write(filepath.Join(root, "var/lib/dpkg/status"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	return root
}

// entries are all files and folders but those of the package managers themselves.
func entries(t *testing.T, root string) (all []string) {
	t.Helper()
	err := fs.WalkDir(os.DirFS(root), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name == "var/lib/dpkg" || name == "var/lib/rpm" || name == "var/log" {
			return fs.SkipDir
		}
		all = append(all, name)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestTheDebInstallsAndPurges installs into a minimal system, runs the demo there, and removes
// everything again.
func TestTheDebInstallsAndPurges(t *testing.T) {
	root := minimalRoot(t)
	if out := output(t, "dpkg", "--root="+root, "-i", made(t, ".deb")); !strings.Contains(out, "systemctl enable --now interlock") {
		t.Errorf("the installation says %q, not how to start the service", out)
	}
	checkInstalled(t, root)
	if got := output(t, "dpkg-query", "--admindir="+root+"/var/lib/dpkg", "-W", "-f=${Conffiles}", "interlock"); !strings.Contains(got, "/etc/interlock/interlock.yaml") {
		t.Errorf("got conffiles %q", got)
	}
	output(t, "dpkg", "--root="+root, "--purge", "interlock")
	checkGone(t, root)
}

// TestTheRPMInstallsAndErases does the same with the rpm.
func TestTheRPMInstallsAndErases(t *testing.T) {
	root := minimalRoot(t)
	if out := output(t, "rpm", "--root", root, "--dbpath", "/var/lib/rpm", "--nosignature", "-i", made(t, ".rpm")); !strings.Contains(out, "systemctl enable --now interlock") {
		t.Errorf("the installation says %q, not how to start the service", out)
	}
	checkInstalled(t, root)
	if got := output(t, "rpm", "--root", root, "--dbpath", "/var/lib/rpm", "-qc", "interlock"); strings.TrimSpace(got) != "/etc/interlock/interlock.yaml" {
		t.Errorf("got configuration files %q", got)
	}
	output(t, "rpm", "--root", root, "--dbpath", "/var/lib/rpm", "-e", "interlock")
	checkGone(t, root)
}

// checkGone looks for what a package left.
func checkGone(t *testing.T, root string) {
	t.Helper()
	for _, name := range entries(t, root) {
		if strings.Contains(name, "interlock") {
			t.Errorf("%s is left", name)
		}
	}
}

// checkInstalled runs what was installed, and checks the unit.
func checkInstalled(t *testing.T, root string) {
	t.Helper()
	if got := output(t, "chroot", root, "/usr/bin/interlock", "demo", "--once"); !strings.Contains(got, "UNSAFE 101") {
		t.Errorf("the demo shows no unsafe switch:\n%s", got)
	}
	if got, want := output(t, "chroot", root, "/usr/bin/interlock", "version", "-o", "json"), built.source.commit; !strings.Contains(got, want) {
		t.Errorf("got version %s, want commit %s", got, want)
	}
	output(t, "chroot", root, "/usr/bin/interlock", "check", "/etc/interlock/interlock.yaml")
	unit := filepath.Join(root, "usr/lib/systemd/system/interlock.service")
	if got := output(t, "systemd-analyze", "verify", "--man=no", "--root="+root, unit); strings.Contains(got, "interlock") {
		t.Error(got)
	}
	// 0 is the best of 100, and 100 the worst.
	output(t, "systemd-analyze", "security", "--offline=yes", "--threshold=15", "--no-pager", "--root="+root, "interlock.service")
	for _, name := range entries(t, root) {
		if strings.Contains(name, ".wants/") {
			t.Errorf("the unit is enabled: %s", name)
		}
	}
}
