package proxy

// A transfer is what one direction of a loopConn has under way. It is borrowed from the loop.
type transfer struct {
	pending []byte            // to be written; in buffer, or else its own
	buffer  *[bufferSize]byte // borrowed
	piped   int               // bytes in the pipe
	pipe    pipe
	streak  int    // bytes moved in large reads without a pause; spliceFrom if as many are known to come
	moved   moment // when the last of them was
}

// lend makes sure that a direction has a transfer.
func (k *eventLoop) lend(at **transfer) *transfer {
	if *at == nil {
		if n := len(k.transfers); n > 0 {
			*at, k.transfers = k.transfers[n-1], k.transfers[:n-1]
		} else {
			*at = new(transfer)
		}
	}
	return *at
}

// giveBack takes back the transfer of a direction that has nothing under way any more.
func (k *eventLoop) giveBack(at **transfer) {
	t := *at
	if t == nil || len(t.pending) > 0 || t.pipe != (pipe{}) || t.streak > 0 {
		return
	}
	t.release(&k.relay.buffers)
	if *at = nil; len(k.transfers) < maxSpare {
		*t = transfer{}
		k.transfers = append(k.transfers, t)
	}
}

// drop forgets what a direction has under way.
func (k *eventLoop) drop(at **transfer) {
	if t := *at; t != nil {
		t.release(&k.relay.buffers)
		k.dropPipe(t)
		*at = nil
	}
}

// idle reports whether nothing is to be written.
func (t *transfer) idle() bool { return t == nil || len(t.pending) == 0 && t.piped == 0 }

// pend has bytes wait until the socket takes more.
func (t *transfer) pend(b []byte, buffers *bufferPool) {
	if t.buffer == nil && len(t.pending) == 0 {
		t.buffer = buffers.get()
		t.pending = t.buffer[:0]
	}
	t.pending = append(t.pending, b...)
}

// own copies what waits, if it is in memory that somebody else uses again.
func (t *transfer) own(buffers *bufferPool) {
	if waits := t.pending; t.buffer == nil && len(waits) > 0 {
		t.pending = nil
		t.pend(waits, buffers)
	}
}

// release gives back what a transfer has borrowed.
func (t *transfer) release(buffers *bufferPool) {
	t.pending = nil
	if t.buffer != nil {
		buffers.put(t.buffer)
		t.buffer = nil
	}
}
