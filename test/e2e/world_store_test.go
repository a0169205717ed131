//go:build e2e && world

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestWorldStoreOnAReadOnlyMount mounts the folder of a store read-only over itself while the store is in use. It needs root, and
// mount namespaces.
func TestWorldStoreOnAReadOnlyMount(t *testing.T) {
	t.Parallel()
	withoutStore(t, []string{"unshare", "--mount"}, remounted("bind", "remount,bind,ro"), unmounted)
}

// TestWorldStoreThatIsImmutable has every write to the files of a store denied, to those too that are open. It needs root, and a
// file system with that attribute, as ext4 is.
func TestWorldStoreThatIsImmutable(t *testing.T) {
	t.Parallel()
	if refused := withoutStore(t, nil, attribute("+i"), attribute("-i")); refused == 0 {
		t.Error("everything was said to be stored while nothing could be written")
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

// remounted mounts the folder on itself in the process's mount namespace, with those options one after the other.
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
