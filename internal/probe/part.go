package probe

import (
	"errors"
	"io"
	"time"

	"github.com/interlock-proxy/interlock/wire"
)

// rest reads the rest of a response that is not a 101. The body often arrives a moment after the
// head. If the client closed in between, the kernel would send a reset, and some servers crash on
// that.
func (a *attempt) rest() {
	if len(a.finals) == 0 && !a.garbled || len(a.finals) > 0 && a.finals[0].Status == 101 {
		return
	}
	before := a.received
	a.hear(time.Now().Add(restTime), func() bool { return a.ended || a.received-before >= maxRest })
}

// part closes the connection with a FIN instead of a reset. After a complete response nothing else
// is needed. After a WebSocket close frame it waits for the server's. Later bytes from the server
// are read but are not part of the exchange.
func (a *attempt) part(polite bool) {
	whole := a.ended && a.finals[0].Status != 101 && a.h.Method != "HEAD" // some servers send a body in response to HEAD
	if a.over == wire.CauseServer || a.over == wire.CauseServerReset || whole {
		return
	}
	if polite {
		a.conn.SetReadDeadline(time.Now().Add(a.quiet()))
		if _, err := a.conn.Read(a.buffer[:]); errors.Is(err, io.EOF) {
			return
		}
	}
	end, ok := a.conn.(interface{ CloseWrite() error }) // of TCP, TLS and unix sockets
	if !ok || end.CloseWrite() != nil {
		return
	}
	a.conn.SetReadDeadline(time.Now().Add(restTime))
	for room := maxRest; room > 0; {
		n, err := a.conn.Read(a.buffer[:])
		if room -= n; err != nil {
			return
		}
	}
}
