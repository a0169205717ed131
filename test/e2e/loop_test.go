//go:build e2e && linux

package e2e

import (
	"errors"
	"io"
	"net"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestClientOnAPortOfOursIsNoLoop connects a client from the local port that the proxy uses for
// another client's backend connection. That is allowed because the two connections have different
// destinations, and the proxy must not take it for a loop.
func TestClientOnAPortOfOursIsNoLoop(t *testing.T) {
	t.Parallel()
	b := listen(t)
	p := serve(t, b.addr())
	first := dial(t, p.listen)
	send(t, first, plain)
	peer := b.accept()
	expect(t, peer, plain)
	port := peer.RemoteAddr().(*net.TCPAddr).Port
	dialer := net.Dialer{Control: func(_, _ string, raw syscall.RawConn) (err error) {
		control := raw.Control(func(fd uintptr) {
			err = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_LOCAL_PORT_RANGE, int(int32(uint32(port)<<16|uint32(port))))
		})
		return errors.Join(err, control)
	}}
	conn, err := dialer.DialContext(t.Context(), "tcp", p.listen)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	if got := conn.LocalAddr().(*net.TCPAddr).Port; got != port {
		t.Fatalf("got port %d, want %d", got, port)
	}
	send(t, conn, plain)
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		if second, err := b.ln.AcceptTCP(); err == nil {
			io.ReadFull(second, make([]byte, len(plain)))
			io.WriteString(second, answer)
			second.Close()
		}
	}()
	got, err := io.ReadAll(conn)
	b.ln.Close()
	if <-answered; string(got) != answer || err != nil {
		t.Errorf("got %q (%v), want %q", got, err, answer)
	}
}
