package why

import (
	"context"
	"errors"

	"github.com/interlock-proxy/interlock/internal/probe"
	"github.com/interlock-proxy/interlock/wire"
)

// page asks for the path without an offer. It reports whether the server speaks HTTP: any response
// will do. A server may leave a plain GET without an answer and still accept handshakes.
func (w *walker) page(ctx context.Context) bool {
	a := w.send(ctx, "get", w.get())
	switch {
	case errors.Is(a.err, probe.ErrWantsTLS):
		w.found(wantsTLS(&w.target))
		return false
	case errors.Is(a.err, probe.ErrOnlyHTTP2):
		w.found(clearHTTP2(&w.target))
		return false
	case errors.Is(a.err, probe.ErrNotHTTP):
		w.found(notHTTP(&w.target, a.answer(w.settings.Timeout)))
		return false
	case a.x == nil:
		if ctx.Err() == nil {
			w.found(noConnection(w.address, w.target.Port, a.err))
		}
		return false
	}
	if a.x.Outcome == wire.Closed && w.target.TLS == nil { // some servers send no alert
		if _, err := w.shake(ctx, "http/1.1"); err == nil {
			w.found(wantsTLS(&w.target))
			return false
		}
	}
	w.plainPage = a
	if a.x.Outcome == wire.Silent || a.x.Outcome == wire.Closed {
		w.note("A plain GET gets %s", a.short())
	}
	return true
}
