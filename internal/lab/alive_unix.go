//go:build unix

package lab

import (
	"errors"
	"net"
	"syscall"
)

// alive reads what has come without a request for it, and reports whether the backend has not closed.
func (b *hopConn) alive() bool {
	for {
		raw, err := b.Conn.(*net.TCPConn).SyscallConn()
		if err != nil {
			return false
		}
		var n int
		var waits error
		err = raw.Read(func(fd uintptr) bool {
			n, _, waits = syscall.Recvfrom(int(fd), make([]byte, 1), syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
			return true
		})
		if err != nil || n <= 0 {
			return errors.Is(waits, syscall.EAGAIN)
		}
		if _, err := b.br.Peek(b.br.Buffered() + 1); err != nil {
			return false
		}
	}
}
