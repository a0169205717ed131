//go:build e2e

package e2e

import (
	"bytes"
	"cmp"
	"net"
	"slices"
	"sync"
	"testing"
	"time"
)

// A wiretap relays connections in plain text, and keeps what it wrote to and read from the side of
// Interlock. It reads that side to its end, even when its other side ended before.
type wiretap struct {
	addr string

	mu    sync.Mutex
	taken []*taken
}

// taken is what one connection carried.
type taken struct {
	up, down bytes.Buffer
	ended    chan struct{} // closed when both are complete
}

// beforeInterlock returns a tap whose clients are to use it instead of that address.
func beforeInterlock(t *testing.T, interlock string) *wiretap { return newWiretap(t, interlock, true) }

// behindInterlock returns a tap that is to be the backend instead of that address.
func behindInterlock(t *testing.T, backend string) *wiretap { return newWiretap(t, backend, false) }

func newWiretap(t *testing.T, to string, before bool) *wiretap {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wiretap{addr: l.Addr().String()}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", to)
			if err != nil {
				near.Close()
				continue
			}
			k := &taken{ended: make(chan struct{})}
			w.mu.Lock()
			w.taken = append(w.taken, k)
			w.mu.Unlock()
			serving.Go(func() { k.carry(near.(*net.TCPConn), far.(*net.TCPConn), before) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		serving.Wait()
	})
	return w
}

// carry relays one connection until both directions have ended.
func (k *taken) carry(near, far *net.TCPConn, before bool) {
	defer close(k.ended)
	defer near.Close()
	defer far.Close()
	deadline := time.Now().Add(2 * patience)
	near.SetDeadline(deadline)
	far.SetDeadline(deadline)
	var up sync.WaitGroup
	up.Go(func() { oneWay(near, far, &k.up, before) })
	oneWay(far, near, &k.down, !before)
	up.Wait()
}

// oneWay relays one direction to its end. It keeps what it wrote if its reader is Interlock, else what
// it read.
func oneWay(from, to *net.TCPConn, keep *bytes.Buffer, toInterlock bool) {
	defer to.CloseWrite()
	buf := make([]byte, 32<<10)
	for dead := false; ; {
		n, err := from.Read(buf)
		written := 0
		if !dead {
			var failed error
			written, failed = to.Write(buf[:n])
			dead = failed != nil
		}
		if toInterlock {
			n = written
		}
		keep.Write(buf[:n])
		if err != nil || dead && toInterlock {
			return
		}
	}
}

// carried waits until all connections have ended, and returns what each carried, sorted.
func (w *wiretap) carried(t *testing.T) (all [][2]string) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	limit := time.After(patience)
	for _, k := range w.taken {
		select {
		case <-k.ended:
		case <-limit:
			t.Fatal("a connection through a tap does not end")
		}
		all = append(all, [2]string{k.up.String(), k.down.String()})
	}
	slices.SortFunc(all, func(a, b [2]string) int { return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1])) })
	return all
}

// unchanged checks that the two taps on the sides of Interlock carried the same, connection by connection.
func unchanged(t *testing.T, before, behind *wiretap) {
	t.Helper()
	near, far := before.carried(t), behind.carried(t)
	if len(near) == 0 || len(near) != len(far) {
		t.Fatalf("%d connections before Interlock, and %d behind it", len(near), len(far))
	}
	for i := range near {
		for d, way := range []string{"client", "server"} {
			if a, b := near[i][d], far[i][d]; a != b {
				t.Errorf("the %s's bytes of connection %d changed from byte %d on: %d before Interlock, %d behind it", way, i, sameStart(a, b), len(a), len(b))
			}
		}
	}
}

// sameStart returns the length of the common start of two texts.
func sameStart(a, b string) (n int) {
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return n
}
