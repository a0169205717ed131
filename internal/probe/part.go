package probe

import (
	"errors"
	"io"
	"time"

	"github.com/interlock-proxy/interlock/wire"
)

// rest reads the rest of an answer that is not a 101. The body often comes a moment after the head.
// A client that closes in between resets the connection, and some servers crash at such a reset.
func (a *attempt) rest() {
	if len(a.finals) == 0 && !a.garbled || len(a.finals) > 0 && a.finals[0].Status == 101 {
		return
	}
	before := a.received
	a.hear(time.Now().Add(restTime), func() bool { return a.ended || a.received-before >= maxRest })
}

// part ends the connection with a FIN instead of a reset. A complete answer needs nothing more.
// After a WebSocket close frame it waits for the server's. Later bytes of the server are read, and
// are not part of the exchange.
func (a *attempt) part(polite bool) {
	whole := a.ended && a.finals[0].Status != 101 && a.h.Method != "HEAD" // servers are known that send a body to HEAD
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
