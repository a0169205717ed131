package proxy

import (
	"syscall"
	"unsafe"
)

// These do one system call each on a socket that does not block. They do not tell the scheduler of
// the runtime: the call takes microseconds, and telling costs as much again, since each wakes the
// runtime's monitor, which then polls for system calls that take too long. Reads and writes are
// those of sockets, which spare the kernel the way of files.

// rawSockets reports whether sockets may be read and written by system calls.
const rawSockets = true

func readSocket(fd uintptr, p []byte) (int, syscall.Errno) {
	n, _, errno := syscall.RawSyscall6(syscall.SYS_RECVFROM, fd, uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), 0, 0, 0)
	return int(n), errno
}

func writeSocket(fd uintptr, p []byte) (int, syscall.Errno) {
	n, _, errno := syscall.RawSyscall6(syscall.SYS_SENDTO, fd, uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), syscall.MSG_NOSIGNAL, 0, 0)
	return int(n), errno
}

// acceptSocket takes a connection from a listener, and the address of its peer.
func acceptSocket(listener uintptr, peer *sockaddr) (fd int, errno syscall.Errno) {
	peer.size = uint32(unsafe.Sizeof(peer.raw))
	n, _, errno := syscall.RawSyscall6(syscall.SYS_ACCEPT4, listener, uintptr(unsafe.Pointer(&peer.raw)), uintptr(unsafe.Pointer(&peer.size)),
		syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0, 0)
	return int(n), errno
}

// connectSocket begins to connect a new socket. The connection may come about later, or not at all.
func connectSocket(to *sockaddr) (fd int, errno syscall.Errno) {
	n, _, errno := syscall.RawSyscall(syscall.SYS_SOCKET, uintptr(to.raw.Addr.Family), syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0)
	if errno != 0 {
		return -1, errno
	}
	setOption(n, syscall.SOL_SOCKET, syscall.SO_KEEPALIVE, 1) // the system finds out about peers that have vanished
	_, _, errno = syscall.RawSyscall(syscall.SYS_CONNECT, n, uintptr(unsafe.Pointer(&to.raw)), uintptr(to.size))
	if errno != 0 && errno != syscall.EINPROGRESS {
		closeSocket(int(n))
		return -1, errno
	}
	return int(n), 0
}

// setCommon sets what all sockets have but those to a backend whose first write is to come: no
// delay, and the system finding out about peers that have vanished.
func setCommon(fd uintptr) {
	setOption(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1)
	setOption(fd, syscall.SOL_SOCKET, syscall.SO_KEEPALIVE, 1)
}

func setOption(fd uintptr, level, name int, value int32) {
	syscall.RawSyscall6(syscall.SYS_SETSOCKOPT, fd, uintptr(level), uintptr(name), uintptr(unsafe.Pointer(&value)), 4, 0)
}

// finishSocket ends the direction that we write.
func finishSocket(fd int) { syscall.RawSyscall(syscall.SYS_SHUTDOWN, uintptr(fd), syscall.SHUT_WR, 0) }

// resetSocket closes a socket so that the peer knows that something broke.
func resetSocket(fd int) {
	linger := syscall.Linger{Onoff: 1}
	syscall.RawSyscall6(syscall.SYS_SETSOCKOPT, uintptr(fd), syscall.SOL_SOCKET, syscall.SO_LINGER, uintptr(unsafe.Pointer(&linger)), unsafe.Sizeof(linger), 0)
	closeSocket(fd)
}

func closeSocket(fd int) { syscall.RawSyscall(syscall.SYS_CLOSE, uintptr(fd), 0, 0) }

// duplicate is another descriptor for the same socket.
func duplicate(c syscall.RawConn) (fd int, err error) {
	failed := c.Control(func(old uintptr) {
		n, _, errno := syscall.RawSyscall(syscall.SYS_FCNTL, old, syscall.F_DUPFD_CLOEXEC, 0)
		if fd = int(n); errno != 0 {
			err = errno
		}
	})
	if failed != nil {
		err = failed
	}
	return fd, err
}
