package probe

import (
	"context"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// sized returns a probe with a header of several lengths.
func sized(sizes ...int) *rules.Probe {
	write := func(n int) rules.Edit { return rules.Set("X-Fault", strings.Repeat("x", n)) }
	return &rules.Probe{ID: "SIZED", Risk: rules.Crash, Sizes: sizes, Sized: write, Edit: write(sizes[len(sizes)-1])}
}

// TestAServerThatIsSlowOnce checks that a value that takes long once is sent again, and that its
// shortest time counts.
func TestAServerThatIsSlowOnce(t *testing.T) {
	const stall = 500 * time.Millisecond
	var mu sync.Mutex
	var lengths []int
	b := serve(t, func(c *guest) {
		if !c.sound() {
			_, rest, _ := strings.Cut(c.head, "X-Fault: ")
			value, _, _ := strings.Cut(rest, "\r\n")
			mu.Lock()
			stalls := len(value) == 300 && !slices.Contains(lengths, 300)
			if value != "" {
				lengths = append(lengths, len(value))
			}
			mu.Unlock()
			if stalls {
				time.Sleep(stall)
			}
		}
		refuses(c)
	})
	l, report, err := probed(context.Background(), t, b.target(), Settings{}, []*rules.Probe{sized(10, 100, 300)})
	if err != nil || report.Pace.Crash != 1 || report.Pace.CrashTook < stall {
		t.Fatalf("%v, %+v", err, report)
	}
	if !slices.Equal(slices.Compact(slices.Sorted(slices.Values(lengths))), []int{10, 100, 300}) || len(lengths) < 4 {
		t.Errorf("sent values of %d bytes", lengths)
	}
	twins := l.by["SIZED"].Twins
	i := slices.IndexFunc(twins, func(w wire.Twin) bool { return w.Size == 300 })
	if i < 0 || twins[i].Took >= stall || rules.Slow(0, stall) != true {
		t.Errorf("got %+v, want the shortest time of 300 bytes", twins)
	}
}

// TestSilenceIsASlowAnswer checks that the time that was waited in vain counts, and that a silent
// server is not asked many times.
func TestSilenceIsASlowAnswer(t *testing.T) {
	var mu sync.Mutex
	silent := 0
	b := serve(t, func(c *guest) {
		if strings.Contains(c.head, strings.Repeat("x", 300)) {
			mu.Lock()
			silent++
			mu.Unlock()
			c.br.ReadByte()
			return
		}
		refuses(c)
	})
	const head = time.Second
	l, _, err := probed(context.Background(), t, b.target(), Settings{Head: head}, []*rules.Probe{sized(10, 300, 400)})
	if err != nil {
		t.Fatal(err)
	}
	twins := l.by["SIZED"].Twins
	if i := slices.IndexFunc(twins, func(w wire.Twin) bool { return w.Size >= 300 }); i < 0 || twins[i].Took != head || silent > 4 {
		t.Errorf("got %+v after %d silences, want %v", twins, silent, head)
	}
}

// TestWhatAProcessHasInUse counts the descriptors of this process before and after it opens some.
func TestWhatAProcessHasInUse(t *testing.T) {
	before, err := UsageOf(os.Getpid())
	if err != nil || before.Descriptors == 0 || before.Threads == 0 || before.Memory == 0 {
		t.Fatalf("got %+v, %v", before, err)
	}
	for range 64 {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		defer w.Close()
	}
	if after, err := UsageOf(os.Getpid()); err != nil || after.Descriptors < before.Descriptors+64 {
		t.Errorf("got %+v, %v after 128 more descriptors than %+v", after, err, before)
	}
	if _, err := UsageOf(1 << 30); err == nil {
		t.Error("there is no such process")
	}
}
