package terminal

import (
	"bytes"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// TestOnlyATerminalIsOne opens devices as the shell does: a program knows them as /dev/stdin.
func TestOnlyATerminalIsOne(t *testing.T) {
	for device, want := range map[string]bool{"/dev/null": false, "/dev/zero": false, "/dev/ptmx": true} {
		fd, err := unix.Open(device, unix.O_RDWR|unix.O_NOCTTY, 0)
		if err != nil {
			t.Fatal(err)
		}
		f := os.NewFile(uintptr(fd), "/dev/stdin")
		defer f.Close()
		if got := IsTerminal(f); got != want {
			t.Errorf("%s: got %v", device, got)
		}
	}
	if IsTerminal(new(bytes.Buffer)) {
		t.Error("a buffer is a terminal")
	}
}
