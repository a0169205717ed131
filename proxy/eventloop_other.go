//go:build !linux

package proxy

import (
	"context"
	"sync"
)

// On systems without epoll(7) goroutines drive all connections.
type (
	eventLoops struct{}
	calls      struct{}
)

func startLoops(*Relay, *sync.WaitGroup) (*eventLoops, error) { return nil, nil }

func (*eventLoops) end() {}

func (*eventLoops) accept(ctx context.Context, r *Relay, ln *Listener, serve func(socket)) error {
	return r.accept(ctx, ln, serve)
}
