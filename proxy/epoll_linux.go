package proxy

import (
	"fmt"
	"os"
	"syscall"
	"unsafe"
)

// What is waited for on a socket: bytes, the peer's end, an urgent byte, and that only when one of
// these comes about. Room to write is waited for only once there was none.
const (
	watchRead  = syscall.EPOLLIN | syscall.EPOLLRDHUP | syscall.EPOLLPRI | 1<<31 // EPOLLET
	watchWrite = syscall.EPOLLOUT
)

// An epoll is an instance of the system's epoll(7). The runtime's own poller waits for it, so that
// no thread has to.
type epoll struct {
	fd     int
	file   *os.File // of fd; its owner
	raw    syscall.RawConn
	bell   int // an eventfd(2), whose token is bellToken
	events [256]syscall.EpollEvent
}

const bellToken = -1

func newEpoll() (*epoll, error) {
	fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("create an epoll instance: %w", err)
	}
	if err := syscall.SetNonblock(fd, true); err != nil { // or os would take it for a file that cannot be waited for
		syscall.Close(fd)
		return nil, fmt.Errorf("create an epoll instance: %w", err)
	}
	e := &epoll{fd: fd, file: os.NewFile(uintptr(fd), "epoll")}
	if e.raw, err = e.file.SyscallConn(); err != nil {
		e.file.Close()
		return nil, fmt.Errorf("create an epoll instance: %w", err)
	}
	bell, _, errno := syscall.RawSyscall(syscall.SYS_EVENTFD2, 0, syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
	if errno != 0 {
		e.file.Close()
		return nil, fmt.Errorf("create an eventfd: %w", errno)
	}
	e.bell = int(bell)
	if errno := e.watch(syscall.EPOLL_CTL_ADD, e.bell, bellToken, watchRead); errno != 0 {
		e.close()
		return nil, fmt.Errorf("watch an eventfd: %w", errno)
	}
	return e, nil
}

// close ends the instance. Nobody may wait for it any more.
func (e *epoll) close() {
	e.file.Close()
	syscall.Close(e.bell)
}

// watch adds a descriptor, or changes what it is watched for. To close the last descriptor of a
// socket removes it.
func (e *epoll) watch(op, fd int, token int32, events uint32) syscall.Errno {
	event := syscall.EpollEvent{Events: events, Fd: token}
	_, _, errno := syscall.RawSyscall6(syscall.SYS_EPOLL_CTL, uintptr(e.fd), uintptr(op), uintptr(fd), uintptr(unsafe.Pointer(&event)), 0, 0)
	return errno
}

// ready fills events with what there is, without waiting.
func (e *epoll) ready() []syscall.EpollEvent {
	for {
		n, _, errno := syscall.RawSyscall6(syscall.SYS_EPOLL_PWAIT, uintptr(e.fd), uintptr(unsafe.Pointer(&e.events)), uintptr(len(e.events)), 0, 0, 0)
		switch errno {
		case 0:
			return e.events[:n]
		case syscall.EINTR: // what was ready still is, and nobody would wake us for it again
		default:
			panic(errno) // the descriptor is ours, and open
		}
	}
}

// ring has the bell ready. It may be called by any goroutine.
func (e *epoll) ring() {
	one := uint64(1)
	syscall.RawSyscall(syscall.SYS_WRITE, uintptr(e.bell), uintptr(unsafe.Pointer(&one)), 8)
}

// rung stops the bell.
func (e *epoll) rung() {
	var count uint64
	syscall.RawSyscall(syscall.SYS_READ, uintptr(e.bell), uintptr(unsafe.Pointer(&count)), 8)
}
