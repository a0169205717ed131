package store

// Pause lets the writer keep no exchanges, as with FindingsOnly, until it is called with false. It
// may be called at any time.
func (w *Writer) Pause(paused bool) { w.paused.Store(paused) }

// Paused reports whether the writer drops exchanges at an operator's request.
func (w *Writer) Paused() bool { return w.paused.Load() }
