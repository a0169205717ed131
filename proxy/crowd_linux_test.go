package proxy

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"

	"github.com/rs/zerolog"

	"github.com/interlock-proxy/interlock/wire"
)

// TestACrowdLeavesNothingBehind opens, uses and closes 8,000 tunnels. Open tunnels need no
// goroutines. After they are closed no descriptor or goroutine is left, and every byte was counted.
func TestACrowdLeavesNothingBehind(t *testing.T) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil || limit.Cur < 2*crowdSize+2*reservedFDs {
		t.Fatalf("%d tunnels take %d descriptors, and there are %d (%v): ulimit -n 20000", crowdSize, 2*crowdSize, limit.Cur, err)
	}
	peers := exec.Command(os.Args[0])
	peers.Env, peers.Stderr = append(os.Environ(), crowded+"=1"), os.Stderr
	orders, err1 := peers.StdinPipe()
	said, err2 := peers.StdoutPipe()
	if err := errors.Join(err1, err2, peers.Start()); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(said)
	next := func() string {
		if !lines.Scan() {
			t.Fatalf("the peers' output ended (%v)", peers.Wait())
		}
		return lines.Text()
	}
	backend := next()
	before := descriptors(t)
	r := relay(t, func(r *Relay) { r.Backend, r.Log, r.Limits.Connections = To(backend), zerolog.Nop(), crowdSize })
	goroutines := runtime.NumGoroutine()

	fmt.Fprintln(orders, r.addr)
	if got := next(); got != "open" {
		t.Fatalf("got %q", got)
	}
	goroutinesAtMost(t, goroutines+16)
	if n := r.Open(); n != crowdSize {
		t.Errorf("%d are open", n)
	}
	fmt.Fprintln(orders, "close")
	if got := next(); got != "closed" {
		t.Fatalf("got %q", got)
	}
	orders.Close()
	if err := peers.Wait(); err != nil {
		t.Error(err)
	}
	over := 0
	for _, x := range r.await("the ends", func(all []*wire.Exchange) bool {
		over = 0
		for _, x := range all {
			if x.Final {
				over++
			}
		}
		return over == crowdSize
	}) {
		if x.After.ClientBytes != int64(len("to the backend"+"bye")) || x.After.ServerBytes != int64(len("to the client")) || x.Cause != wire.CauseClient {
			t.Errorf("counted %d and %d, %s", x.After.ClientBytes, x.After.ServerBytes, x.Cause)
		}
	}
	r.end()
	r.backend.Close()
	noDescriptorLeft(t, before)
	goroutinesAtMost(t, goroutines-1)
}
