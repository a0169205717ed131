//go:build e2e && world

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestWorldStoreOnAReadOnlyMount remounts the folder of a store read-only while the store is in
// use. It needs root and mount namespaces.
func TestWorldStoreOnAReadOnlyMount(t *testing.T) {
	t.Parallel()
	withoutStore(t, []string{"unshare", "--mount"}, remounted("bind", "remount,bind,ro"), unmounted)
}

// TestWorldStoreThatIsImmutable denies every write to the files of a store, including files that
// are open. It needs root and a file system with that attribute, such as ext4.
func TestWorldStoreThatIsImmutable(t *testing.T) {
	t.Parallel()
	if refused := withoutStore(t, nil, attribute("+i"), attribute("-i")); refused == 0 {
		t.Error("every finding was reported as stored while nothing could be written")
	}
}

// attribute changes an attribute of the files of a folder.
func attribute(change string) func(t *testing.T, _ *process, dir string) {
	return func(t *testing.T, _ *process, dir string) {
		t.Helper()
		names, err := filepath.Glob(filepath.Join(dir, "*"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { // a folder with such files cannot be removed
			for _, name := range names {
				if _, err := os.Stat(name); err == nil {
					exec.Command("chattr", "-i", name).Run()
				}
			}
		})
		succeed(t, "chattr", append([]string{change}, names...)...)
	}
}

// remounted mounts the folder on itself in the mount namespace of the process, once with each of
// the options.
func remounted(options ...string) func(t *testing.T, p *process, dir string) {
	return func(t *testing.T, p *process, dir string) {
		t.Helper()
		for _, o := range options {
			p.inside(t, "mount", "-o", o, dir, dir)
		}
	}
}

func unmounted(t *testing.T, p *process, dir string) {
	t.Helper()
	p.inside(t, "umount", dir)
}

// inside runs a command in the mount namespace of the process.
func (p *process) inside(t *testing.T, words ...string) {
	t.Helper()
	succeed(t, "nsenter", append([]string{"--mount", "--target", fmt.Sprint(p.cmd.Process.Pid), "--"}, words...)...)
}
