package store

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// locks returns the number of locks that this program holds on a file.
func locks(t *testing.T, path string) (n int) {
	t.Helper()
	is, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("/proc/locks")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		inode := fmt.Sprintf(":%d ", is.Sys().(*syscall.Stat_t).Ino)
		if words := strings.Fields(line); strings.Contains(line, inode) && words[4] == fmt.Sprint(os.Getpid()) {
			n++
		}
	}
	return n
}

// TestASecondOpenLeavesTheLocks opens a file twice. POSIX releases all of a program's locks on a
// file when any of its descriptors is closed.
func TestASecondOpenLeavesTheLocks(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	s := open(t, path)
	rows, err := s.pool().QueryContext(t.Context(), "SELECT id FROM instances")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	before := locks(t, path)
	again, err := Open(t.Context(), path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	again.Close()
	if after := locks(t, path); before == 0 || after != before {
		t.Errorf("%d locks before, %d after", before, after)
	}
}
