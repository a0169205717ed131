// Package ports finds TCP ports for servers that have to be told one: PostgreSQL, nginx, HAProxy,
// Prometheus.
//
// A port that was free a moment ago on 127.0.0.1:0 may be in use when the server binds it, because
// the kernel takes the ports of outgoing connections from the same range. The ports of this package
// are outside of that range, and none is returned twice in a process, so a port that is to stay
// closed is not given to a server of another test. A server of another process can still take one of
// them, so Use tries again with another port.
package ports

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"sync"
)

// attempts is how many ports Use tries, and how many busy ports Free skips for each one that it
// returns.
const attempts = 5

// handed is the register of the ports that Free has returned.
var handed struct {
	sync.Mutex
	ports map[int]bool
}

// Free returns n different loopback addresses, host:port, that nothing listens on and that it has
// not returned before.
func Free(n int) ([]string, error) {
	handed.Lock()
	defer handed.Unlock()
	first, last := outside(ephemeral())
	if handed.ports == nil || len(handed.ports)+n > (last-first)/2 {
		handed.ports = map[int]bool{}
	}
	var addresses []string
	for tries := 0; len(addresses) < n; {
		port := first + rand.IntN(last-first+1)
		if handed.ports[port] {
			continue
		}
		handed.ports[port] = true
		ln, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			if tries++; tries > attempts*n {
				return nil, fmt.Errorf("find a free port between %d and %d: %w", first, last, err)
			}
			continue
		}
		ln.Close()
		addresses = append(addresses, ln.Addr().String())
	}
	return addresses, nil
}

// Use calls start with a free loopback address, host:port. It calls start again with another
// address if the error says that the address is in use. Any other error is returned at once.
func Use(start func(addr string) error) error {
	var failed []error
	for range attempts {
		addresses, err := Free(1)
		if err != nil {
			return err
		}
		err = start(addresses[0])
		if err == nil || !strings.Contains(strings.ToLower(err.Error()), "address already in use") {
			return err
		}
		failed = append(failed, fmt.Errorf("%s: %w", addresses[0], err))
	}
	return errors.Join(failed...)
}

// ephemeral is the range that the kernel takes the ports of outgoing connections from: IANA's where
// the system does not say.
func ephemeral() (low, high int) {
	text, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if err == nil {
		_, err = fmt.Sscan(string(text), &low, &high)
	}
	if err != nil {
		return 49152, 65535
	}
	return low, high
}

// outside returns a range of at least 1,000 unprivileged ports outside of the range from low to
// high. Where there is none, it returns all unprivileged ports.
func outside(low, high int) (first, last int) {
	const lowest, highest, enough = 10_000, 65_535, 1_000
	switch {
	case low-lowest >= enough:
		return lowest, low - 1
	case highest-high >= enough:
		return max(high+1, lowest), highest
	}
	return lowest, highest
}
