package run

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// A following reads a follower in the test's own time.
type following struct {
	*follower
	t    *testing.T
	got  strings.Builder
	stop context.CancelFunc
}

func follow(t *testing.T, name string) *following {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(stop)
	f := &following{follower: &follower{ctx: ctx, name: name}, t: t, stop: stop}
	t.Cleanup(f.close)
	return f
}

// expect reads until the follower has no more, and checks what it has read since the last time.
func (f *following) expect(want string) {
	f.t.Helper()
	f.got.Reset()
	for waits := 0; waits < 2; {
		b := make([]byte, 3)
		n, err := f.Read(b)
		f.got.Write(b[:n])
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			waits++
		case err != nil:
			f.t.Fatal(err)
		}
	}
	if got := f.got.String(); got != want {
		f.t.Errorf("read %q, want %q", got, want)
	}
}

// written writes a file with a modification time of its own, in the order of the calls.
type written struct {
	t   *testing.T
	dir string
	at  time.Time
}

func (w *written) write(name, text string) string {
	w.t.Helper()
	path := filepath.Join(w.dir, name)
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err == nil {
		_, err = file.WriteString(text)
		err = errors.Join(err, file.Close())
	}
	w.touch(path, err)
	return path
}

func (w *written) add(name, text string) {
	w.t.Helper()
	path := filepath.Join(w.dir, name)
	file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = file.WriteString(text)
		err = errors.Join(err, file.Close())
	}
	w.touch(path, err)
}

func (w *written) touch(path string, err error) {
	w.t.Helper()
	w.at = w.at.Add(time.Second)
	if err = errors.Join(err, os.Chtimes(path, w.at, w.at)); err != nil {
		w.t.Fatal(err)
	}
}

func writes(t *testing.T) *written {
	return &written{t, t.TempDir(), time.Now().Add(-time.Hour)}
}

// TestAFileIsFollowed checks a file that grows, that is replaced by another one of its name, and that is
// written anew.
func TestAFileIsFollowed(t *testing.T) {
	w := writes(t)
	name := w.write("live.pcap", "one ")
	f := follow(t, name)
	f.expect("one ")
	w.add("live.pcap", "two ")
	f.expect("two ")

	w.add("live.pcap", "three ")
	if err := os.Rename(name, name+".old"); err != nil {
		t.Fatal(err)
	}
	f.expect("three ")
	w.add("live.pcap.old", "four ")
	w.write("live.pcap", "five ")
	f.expect("four five ")

	w.write("live.pcap", "six")
	f.expect("six")

	f.stop()
	if n, err := f.Read(make([]byte, 1)); n > 0 || !errors.Is(err, io.EOF) {
		t.Errorf("got %d bytes, %v after the end of the context", n, err)
	}
}

// TestADirectoryIsFollowed checks that captures are read in the order in which they were written, each once,
// and that one of a ring is read again when it is written anew.
func TestADirectoryIsFollowed(t *testing.T) {
	w := writes(t)
	w.write("b.pcap", "one ")
	long := strings.Repeat("two ", beginLength/4)
	w.write("a.pcap", long)
	w.write("notes.txt", "no capture")
	w.write("recording.har", "{}")
	w.write("empty.pcap", "")
	f := follow(t, w.dir)
	f.expect("one " + long)
	w.add("a.pcap", "more of two ")
	f.expect("more of two ")
	w.write("c.pcap2", "three ")
	f.expect("three ")
	w.write("b.pcap", "four of the ring ")
	f.expect("four of the ring ")
	w.write("empty.pcap", "five ")
	f.expect("five ")
	if f.grown != 0 {
		t.Errorf("%d files have grown", f.grown)
	}

	w.add("a.pcap", "too late ")
	f.expect("")
	if f.grown != 1 {
		t.Errorf("%d files have grown after they were left, want 1", f.grown)
	}

	for _, name := range []string{"a.pcap", "b.pcap", "c.pcap2"} {
		if err := os.Remove(filepath.Join(w.dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	f.expect("")
	if slices.ContainsFunc(f.left, func(l leftFile) bool { return l.info.Name() != "empty.pcap" }) {
		t.Errorf("files are remembered that are gone: %d", len(f.left))
	}
}

// TestWhatCanBeFollowed checks the arguments.
func TestWhatCanBeFollowed(t *testing.T) {
	w := writes(t)
	name := w.write("a.pcap", "x")
	for _, args := range [][]string{{name}, {w.dir}} {
		if err := CheckFollowed(args); err != nil {
			t.Errorf("%q: %v", args, err)
		}
	}
	for want, args := range map[string][]string{
		"name one capture":          {name, w.dir},
		"standard input":            {"-"},
		"no such file or directory": {filepath.Join(w.dir, "none")},
		"interlock audit -":         {os.DevNull},
	} {
		if err := CheckFollowed(args); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", args, err, want)
		}
	}
}
