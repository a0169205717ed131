//go:build e2e

package e2e

import (
	"fmt"
	"io"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// The amount of work in the soak test, and the growth of resident memory in kB that it may cause.
const (
	soakExchanges   = 1_000_000
	soakConnections = 64
	soakTunnels     = 2_000
	soakCrowds      = 3 // how many times all tunnels are opened
	floodSize       = 64 << 20

	exchangesGrow = 8 << 10  // from the first tenth of the exchanges to the last
	tunnelsGrow   = 16 << 10 // from the first and second time that all tunnels are open and closed to the last
	blockedGrows  = 16 << 10 // while one side writes and the other does not read
)

// TestSoak checks that no amount of work leaks memory or descriptors, that a peer that does not
// read costs no memory, and that the counters are exact.
func TestSoak(t *testing.T) {
	o := startOrigin(t)
	// A file, because a store in memory grows with every exchange.
	s := &soak{process: serve(t, o.addr(), "--store", filepath.Join(t.TempDir(), "soak.db")), origin: o, began: time.Now()}
	s.figure("start")
	s.exchanges()
	for _, each := range []struct {
		what string
		push func(net.Conn) int64
	}{
		{"backend does not read", s.pushContent}, {"client does not read", s.askForFlood}, {"pipelining without an answer", s.pipeline},
	} {
		s.block(each.what, each.push)
	}
	s.tunnels()
	stopped := s.stop()
	t.Logf("%6.1f s  %s", time.Since(s.began).Seconds(), stopped.text)
	// The flood has a response; the other blocked requests have none.
	if want := int64(soakExchanges + soakCrowds*soakTunnels + 1); stopped.Exchanges != want {
		t.Errorf("got %d exchanges, want %d", stopped.Exchanges, want)
	}
	if want := int64(soakCrowds * soakTunnels); stopped.Upgrades != want || stopped.Unsafe != 0 {
		t.Errorf("got %s, want %d upgrades, none unsafe", stopped.text, want)
	}
}

// soak is a process under load.
type soak struct {
	*process
	origin *origin
	began  time.Time
}

// figure logs and returns the resident memory in kB once it is stable.
func (s *soak) figure(what string) int {
	s.t.Helper()
	kB := s.settled()
	s.t.Logf("%6.1f s  %-30s %6d kB, %d descriptors", time.Since(s.began).Seconds(), what, kB, s.descriptors())
	return kB
}

func (s *soak) exchanges() {
	s.t.Helper()
	exchanges(s.t, s.listen, soakExchanges/10, soakConnections)
	s.nothingLeft()
	tenth := s.figure("a tenth of the exchanges")
	exchanges(s.t, s.listen, soakExchanges-soakExchanges/10, soakConnections)
	s.nothingLeft()
	if all := s.figure("all exchanges"); all > tenth+exchangesGrow {
		s.t.Errorf("exchanges: got %d kB at the end and %d kB after a tenth, want at most %d more", all, tenth, exchangesGrow)
	}
}

// tunnels opens all tunnels three times. The first time they end, all at once, the write queue
// takes its memory; it must not take more later.
func (s *soak) tunnels() {
	s.t.Helper()
	var most [soakCrowds]int
	for i := range most {
		tunnels(s.t, s.listen, soakTunnels, func() {
			most[i] = s.figure("tunnels open")
			want := s.base + 2*soakTunnels
			if err := comesUp(s.ended, func() bool { return s.descriptors() == want }); err != nil {
				s.t.Errorf("got %d descriptors with all tunnels open, want %d: %v", s.descriptors(), want, err)
			}
		})
		s.nothingLeft()
		most[i] = max(most[i], s.figure("tunnels closed"))
	}
	// The runtime returns memory at varying times, so readings differ. A leak makes the last ones
	// clearly the greatest.
	last, before := most[len(most)-1], slices.Max(most[:len(most)-1])
	if last > before+tunnelsGrow {
		s.t.Errorf("tunnels: got %d kB the last time and %d kB before, want at most %d more", last, before, tunnelsGrow)
	}
}

// block has a client send or request data that its peer does not read.
func (s *soak) block(what string, push func(net.Conn) int64) {
	s.t.Helper()
	before := s.settled()
	conn := dial(s.t, s.listen)
	conn.SetDeadline(time.Time{})
	pushed := make(chan int64, 1) // sent by one goroutine
	go func() { pushed <- push(conn) }()
	blocked := s.figure(what)
	conn.SetLinger(0)
	conn.Close()
	if got := <-pushed; got >= floodSize {
		s.t.Errorf("%s: the client got rid of all %d bytes", what, got)
	}
	s.nothingLeft()
	if blocked > before+blockedGrows {
		s.t.Errorf("%s: got %d kB, %d kB before, want at most %d more", what, blocked, before, blockedGrows)
	}
}

// pushContent sends a body that the backend does not read, and returns how many bytes were sent.
func (s *soak) pushContent(conn net.Conn) int64 {
	fmt.Fprintf(conn, "POST /deaf HTTP/1.1\r\nHost: staging.test\r\nContent-Length: %d\r\n\r\n", floodSize)
	n := writeZeros(conn, floodSize)
	s.origin.let <- struct{}{}
	return n
}

// askForFlood requests more than it reads.
func (s *soak) askForFlood(conn net.Conn) int64 {
	fmt.Fprint(conn, "GET /flood HTTP/1.1\r\nHost: staging.test\r\n\r\n")
	return <-s.origin.flooded
}

// pipeline sends requests until the connection breaks, without waiting for responses. The origin
// reads them.
func (s *soak) pipeline(conn net.Conn) int64 {
	many := strings.Repeat("GET /mute HTTP/1.1\r\nHost: staging.test\r\n\r\n", 1000)
	for {
		if _, err := io.WriteString(conn, many); err != nil {
			return 0 // the amount is unlimited
		}
	}
}

// settled returns the resident memory in kB once it is stable.
func (p *process) settled() int {
	const near, steady = 256, 10 // kB, and consecutive readings
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	last, same := p.resident(), 0
	for deadline := time.Now().Add(patience); same < steady && time.Now().Before(deadline); <-tick.C {
		now := p.resident()
		if same++; now > last+near || now < last-near {
			last, same = now, 0
		}
	}
	return p.resident()
}
