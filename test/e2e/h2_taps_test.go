//go:build e2e

package e2e

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"net"
	"slices"
	"sync"
	"testing"
	"time"
)

// A wiretap relays connections, and keeps what it wrote to and read from the side of Interlock, inside TLS if
// they have it. It reads that side to its end, even when its other side ended before.
type wiretap struct {
	addr   string
	secure func(near, far net.Conn) (n, f halfCloser, err error)

	mu    sync.Mutex
	taken []*taken
}

// A halfCloser is a connection whose directions end on their own.
type halfCloser interface {
	net.Conn
	CloseWrite() error
}

// taken is what one connection carried.
type taken struct {
	up, down bytes.Buffer
	ended    chan struct{} // closed when both are complete
}

// beforeInterlock returns a tap whose clients are to use it instead of that address.
func beforeInterlock(t *testing.T, interlock string) *wiretap {
	return newWiretap(t, interlock, true, plainly)
}

// behindInterlock returns a tap that is to be the backend instead of that address.
func behindInterlock(t *testing.T, backend string) *wiretap {
	return newWiretap(t, backend, false, plainly)
}

func plainly(near, far net.Conn) (n, f halfCloser, err error) {
	return near.(*net.TCPConn), far.(*net.TCPConn), nil
}

// inTLS ends the TLS of both sides with that certificate. They speak the same protocol.
func inTLS(t *testing.T, p tlsPair) func(near, far net.Conn) (n, f halfCloser, err error) {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(p.cert, p.key)
	if err != nil {
		t.Fatal(err)
	}
	return func(near, far net.Conn) (n, f halfCloser, err error) {
		ctx, stop := context.WithTimeout(context.Background(), patience)
		defer stop()
		server := tls.Server(near, &tls.Config{Certificates: []tls.Certificate{pair}, NextProtos: []string{"h2"}})
		if err := server.HandshakeContext(ctx); err != nil {
			return nil, nil, err
		}
		client := tls.Client(far, &tls.Config{InsecureSkipVerify: true, ServerName: server.ConnectionState().ServerName, NextProtos: []string{"h2"}})
		return server, client, client.HandshakeContext(ctx)
	}
}

// tappedTLS returns Interlock with h2: audit in front of a backend that speaks TLS, and taps on both of its
// sides, which have that certificate.
func tappedTLS(t *testing.T, backend string, pair tlsPair) (p *process, before, behind *wiretap) {
	t.Helper()
	secure := inTLS(t, pair)
	behind = newWiretap(t, backend, false, secure)
	p = auditTLS(t, behind.addr, "")
	return p, newWiretap(t, p.listen, true, secure), behind
}

func newWiretap(t *testing.T, to string, before bool, secure func(near, far net.Conn) (n, f halfCloser, err error)) *wiretap {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wiretap{addr: l.Addr().String(), secure: secure}
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
			serving.Go(func() { w.carry(near, far, before) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		serving.Wait()
	})
	return w
}

// carry relays one connection until both directions have ended. One whose TLS fails carries nothing.
func (w *wiretap) carry(a, b net.Conn, before bool) {
	defer a.Close()
	defer b.Close()
	near, far, err := w.secure(a, b)
	if err != nil {
		return
	}
	k := &taken{ended: make(chan struct{})}
	defer close(k.ended)
	w.mu.Lock()
	w.taken = append(w.taken, k)
	w.mu.Unlock()
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
func oneWay(from, to halfCloser, keep *bytes.Buffer, toInterlock bool) {
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
