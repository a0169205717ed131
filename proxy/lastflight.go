package proxy

import "sync"

// A lastFlight is what a TLS handshake has written and the socket has not been given yet. The last
// flight of a handshake that we begin goes out together with the first bytes after it (RFC 8446 §2
// lets these follow at once): one system call, one segment and one wake-up of the peer less. The zero value
// holds nothing.
type lastFlight struct {
	holding bool // the handshake goes on; only its goroutine uses that

	mu    sync.Mutex
	bytes []byte
}

// add keeps bytes while the handshake goes on, and reports whether it did.
func (l *lastFlight) add(p []byte) bool {
	if !l.holding {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.bytes = append(l.bytes, p...)
	return true
}

// take returns what has been kept, and keeps it no more.
func (l *lastFlight) take() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.bytes
	l.bytes = nil
	return b
}

// waits reports whether something has been kept.
func (l *lastFlight) waits() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.bytes) > 0
}

// owes reports whether the peer still lacks the last flight of the TLS handshake. s may be nil.
func (s *side) owes() bool { return s != nil && s.raw != nil && s.raw.last.waits() }

// pay sends the last flight of the TLS handshake, if that has not been done. An error comes again with the next write.
func (s *side) pay() {
	if s.raw != nil {
		_ = s.raw.flush()
	}
}

// flush sends what has been kept of the handshake.
func (t *tlsSocket) flush() error {
	b := t.last.take()
	if len(b) == 0 {
		return nil
	}
	_, err := t.send(b)
	return err
}
