//go:build !linux

package proxy

import (
	"context"
	"sync"
)

// On systems without epoll(7) goroutines carry everything.
type (
	carriers struct{}
	lane     struct{}
	calls    struct{}
)

func (*Relay) startCarriers(*sync.WaitGroup) (*carriers, error) { return nil, nil }

func (*carriers) end() {}

func (*carriers) accept(ctx context.Context, r *Relay, ln *Listener, serve func(socket)) error {
	return r.accept(ctx, ln, serve)
}

func (*carriers) takeOver(*Tunnel) bool { return false }

func (*lane) tell(order) {}
