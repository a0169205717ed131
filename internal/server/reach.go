package server

import (
	"cmp"
	"context"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/interlock-proxy/interlock/internal/web/ui"
	"github.com/interlock-proxy/interlock/proxy"
)

// The age at which reachability is checked again, and the time that a check may take.
const (
	reachAge  = 5 * time.Second
	reachTime = time.Second
)

// reach reports whether backends accept connections. It checks on demand only, and not often.
type reach struct {
	mu     sync.Mutex
	looked time.Time
	found  []ui.Backend
	of     *within // the routing that was checked
}

// look returns the state of all backends.
func (r *reach) look(ctx context.Context, p *Prober) []ui.Backend {
	r.mu.Lock()
	defer r.mu.Unlock()
	if is := p.within.Load(); r.of != is || time.Since(r.looked) > reachAge {
		r.found = lookAll(ctx, is.backends)
		r.of, r.looked = is, time.Now()
	}
	return r.found
}

// lookAll checks all backends at once.
func lookAll(ctx context.Context, backends []*proxy.Backend) []ui.Backend {
	ctx, cancel := context.WithTimeout(ctx, reachTime)
	defer cancel()
	found := make([]ui.Backend, len(backends))
	var looking sync.WaitGroup
	for i, b := range backends {
		looking.Go(func() { found[i] = lookAt(ctx, b) })
	}
	looking.Wait()
	return found
}

// lookAt opens a connection to the first address that accepts one, and closes it.
func lookAt(ctx context.Context, b *proxy.Backend) ui.Backend {
	is := ui.Backend{Route: cmp.Or(b.Route, "default"), Address: strings.Join(b.Addresses, ", ")}
	var d net.Dialer
	for _, address := range b.Addresses {
		network := "tcp"
		if path, ok := strings.CutPrefix(address, "unix:"); ok {
			network, address = "unix", path
		}
		conn, err := d.DialContext(ctx, network, address)
		if err == nil {
			conn.Close()
			is.Up, is.Detail = true, ""
			return is
		}
		is.Detail = err.Error()
	}
	return is
}
