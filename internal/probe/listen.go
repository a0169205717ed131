package probe

import (
	"errors"
	"io"
	"net"
	"os"
	"time"

	"github.com/interlock-proxy/interlock/wire"
)

// listen reads until that time, until the server closes, or until enough is read. It returns why no
// more bytes will come; "" while some may.
func listen(conn net.Conn, buffer []byte, until time.Time, take func([]byte), enough func() bool) wire.Cause {
	conn.SetReadDeadline(until)
	for !enough() {
		n, err := conn.Read(buffer)
		if n > 0 {
			take(buffer[:n])
		}
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return wire.CauseTimeout
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF): // the latter is a TLS connection that ends without close_notify
			return wire.CauseServer
		case err != nil:
			return wire.CauseServerReset
		}
	}
	return ""
}
