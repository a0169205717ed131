package store

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// writeUntilKilled is the program that is killed. It writes as fast as the store accepts, within
// the needs of the test. Like serve, it logs each unsafe switch as stored as soon as the store
// confirms it, however long that takes on a busy machine.
func writeUntilKilled(path string) {
	const most = 2 * time.Minute
	s, err := Open(context.Background(), path, Options{Instance: "killed"})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	w := &Writer{Store: s, patience: most}
	go w.Run(context.Background())
	room := make(chan struct{}, 20) // limits the unsafe rulings that are not logged yet
	for range 40 {
		room <- struct{}{}
		for range 10 {
			w.Write(judged(good("/chat")))
		}
		r := judged(bad("/chat"))
		w.WriteThen(r, func(stored bool) {
			if stored {
				os.Stdout.WriteString("unsafe switch " + r.X.ID + "\n")
			}
			<-room
		})
	}
	time.Sleep(most) // it is killed before
	os.Exit(1)
}

// TestAKilledProgramLosesNothingItLogged kills a program with SIGKILL while it works, again and
// again with the same file.
func TestAKilledProgramLosesNothingItLogged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	logged := map[string]bool{}
	for round := range 50 {
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), "INTERLOCK_TEST_KILLED="+path)
		child.Stderr = os.Stderr
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for n := 0; lines.Scan(); n++ {
			var id string
			if _, err := fmt.Sscanf(lines.Text(), "unsafe switch %s", &id); err != nil {
				t.Fatalf("it says %q", lines.Text())
			}
			logged[id] = true
			if n == round%13 { // more lines are in flight at this moment
				if err := child.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		child.Wait()
		s, err := Open(t.Context(), path, Options{})
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		var verdict string
		if err := s.pool().QueryRowContext(t.Context(), "PRAGMA integrity_check").Scan(&verdict); err != nil || verdict != "ok" {
			t.Errorf("round %d: %s, %v", round, verdict, err)
		}
		s.Close()
	}
	s := open(t, path)
	for id := range logged {
		if r, err := s.Ruling(t.Context(), id); err != nil || !r.Unsafe {
			t.Errorf("what was logged is not in the store: %v", err)
		}
	}
	count := int64(0)
	for _, f := range findings(t, s, Query{Unsafe: true}) {
		count += f.Count
	}
	kept, err := s.Count(t.Context(), Query{Unsafe: true})
	if err != nil || count != kept || count < int64(len(logged)) || len(logged) < 50 {
		t.Errorf("%d were logged, findings count %d, of %d exchanges, %v", len(logged), count, kept, err)
	}
}
