package ports

import (
	"errors"
	"net"
	"strconv"
	"sync"
	"testing"
)

// TestPortsAreOutsideOfTheEphemeralRange also holds that a server can bind each of them, and that
// no two are the same.
func TestPortsAreOutsideOfTheEphemeralRange(t *testing.T) {
	addresses, err := Free(50)
	if err != nil {
		t.Fatal(err)
	}
	low, high := ephemeral()
	seen := map[string]bool{}
	for _, addr := range addresses {
		_, text, _ := net.SplitHostPort(addr)
		if port, err := strconv.Atoi(text); err != nil || port < 1024 || seen[addr] {
			t.Errorf("got %s (%v), seen before: %v", addr, err, seen[addr])
		} else if first, last := outside(low, high); port < first || port > last {
			t.Errorf("got port %d, want one between %d and %d", port, first, last)
		}
		seen[addr] = true
		ln, err := net.Listen("tcp", addr)
		if err != nil {
			t.Error(err)
			continue
		}
		ln.Close()
	}
	for name, c := range map[string][4]int{
		"Linux": {32768, 60999, 10_000, 32767}, "macOS": {49152, 65535, 10_000, 49151}, "a low range": {1024, 20_000, 20_001, 65_535},
		"a range below ours": {1024, 5000, 10_000, 65_535}, "everything": {1024, 65_535, 10_000, 65_535},
	} {
		if first, last := outside(c[0], c[1]); first != c[2] || last != c[3] {
			t.Errorf("%s: got %d to %d, want %d to %d", name, first, last, c[2], c[3])
		}
	}
}

// TestNoPortIsReturnedTwice has many callers, as the parallel tests of a package are, of which none
// listens.
func TestNoPortIsReturnedTwice(t *testing.T) {
	var mu sync.Mutex
	var all sync.WaitGroup
	seen := map[string]bool{}
	for range 10 {
		all.Go(func() {
			for range 10 {
				addresses, err := Free(2)
				mu.Lock()
				for _, addr := range addresses {
					if seen[addr] {
						t.Errorf("%s comes twice", addr)
					}
					seen[addr] = true
				}
				if err != nil {
					t.Error(err)
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
}

// TestAPortInUseIsReplaced plays a server whose port is taken between its choice and the bind.
func TestAPortInUseIsReplaced(t *testing.T) {
	var tried []string
	err := Use(func(addr string) error {
		tried = append(tried, addr)
		if len(tried) == 1 {
			thief, err := net.Listen("tcp", addr)
			if err != nil {
				return err
			}
			defer thief.Close()
		}
		ln, err := net.Listen("tcp", addr)
		if err == nil {
			ln.Close()
		}
		return err
	})
	if err != nil || len(tried) != 2 || tried[0] == tried[1] {
		t.Errorf("got %v after %q, want a second port", err, tried)
	}
	broken, calls := errors.New("initdb: no space left on device"), 0
	if err := Use(func(string) error { calls++; return broken }); !errors.Is(err, broken) || calls != 1 {
		t.Errorf("got %v after %d calls, want the error of the first", err, calls)
	}
	calls = 0
	if err := Use(func(string) error { calls++; return errors.New("bind: Address already in use") }); err == nil || calls != attempts {
		t.Errorf("got %v after %d calls, want an error after %d", err, calls, attempts)
	}
}
