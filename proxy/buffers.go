package proxy

import "sync"

// bufferSize is how much is read at once.
const bufferSize = 16 << 10

// A bufferPool lends buffers, so that a direction at rest holds none.
type bufferPool struct{ pool sync.Pool }

func (p *bufferPool) get() *[bufferSize]byte {
	if b, ok := p.pool.Get().(*[bufferSize]byte); ok {
		return b
	}
	return new([bufferSize]byte)
}

func (p *bufferPool) put(b *[bufferSize]byte) { p.pool.Put(b) }
