package run

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestAMissingSecretIsWaitedFor checks that secrets are found that are written a moment after they are looked
// for, and that secrets that never come hold up the others only a few times.
func TestAMissingSecretIsWaitedFor(t *testing.T) {
	name := filepath.Join(t.TempDir(), "keys.log")
	s, err := OpenSecrets(name, true)
	if err != nil {
		t.Fatal(err)
	}
	line := "CLIENT_TRAFFIC_SECRET_0 " + strings.Repeat("ab", 32) + " " + strings.Repeat("cd", 32) + "\n"
	written := make(chan error, 1)
	time.AfterFunc(20*time.Millisecond, func() { written <- os.WriteFile(name, []byte(line), 0o600) })
	for range maxVain { // under load the file may come after the wait
		if s.missing() {
			break
		}
	}
	if err := <-written; err != nil {
		t.Fatal(err)
	}
	if s.keys().Empty() && !s.missing() {
		t.Error("a secret was not found that was written")
	}
	waits := 0
	for range 20 {
		was := s.vain
		if s.missing() {
			t.Fatal("a secret was found that was not written")
		}
		if s.vain > was {
			waits++
		}
	}
	if waits < maxVain || waits > 2*maxVain+2 {
		t.Errorf("waited %d times in a row", waits)
	}
}
