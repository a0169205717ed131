package lab

import (
	"errors"
	"os"
	"time"
)

// alive reads what has come without a request for it, and reports whether the backend has not closed.
func (b *hopConn) alive() bool {
	defer b.SetReadDeadline(time.Time{})
	for {
		b.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
		if _, err := b.br.Peek(b.br.Buffered() + 1); err != nil {
			return errors.Is(err, os.ErrDeadlineExceeded)
		}
	}
}
