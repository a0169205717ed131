package wire

// earlyWindow keeps the first bytes that a client sends behind a request that offers an upgrade, while it has no answer:
// they are the beginning of the tunnel if the server switches, and requests if it does not.
type earlyWindow struct {
	open  bool
	from  int64 // where in the client's bytes the window begins
	bytes []byte
}

// start opens the window unless an earlier request has.
func (w *earlyWindow) start(at int64) {
	if !w.open {
		w.open, w.from = true, at
	}
}

// keep takes what lies in the window of bytes that begin at base.
func (w *earlyWindow) keep(p []byte, base int64) {
	if !w.open || len(w.bytes) == MaxRecorded {
		return
	}
	skip := w.from + int64(len(w.bytes)) - base
	if skip < 0 || skip >= int64(len(p)) {
		return // bytes between are lost, or these lie in front
	}
	p = p[skip:]
	w.bytes = append(w.bytes, p[:min(len(p), MaxRecorded-len(w.bytes))]...)
}

// behind is what was kept from at on. What lay in front of the window, or behind what fits in it, is not there.
func (w *earlyWindow) behind(at int64) []byte {
	if !w.open || at < w.from || at >= w.from+int64(len(w.bytes)) {
		return nil
	}
	return w.bytes[at-w.from:]
}

// move lets the window begin at a later place, as the request that it opened for has been answered with no.
func (w *earlyWindow) move(at int64) {
	kept := w.behind(at)
	*w = earlyWindow{open: true, from: at, bytes: append([]byte(nil), kept...)}
}
