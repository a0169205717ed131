package proxy

import (
	"syscall"
	"unsafe"
)

// readSocket and writeSocket do one read and one write on a socket that does not block. They do not tell the scheduler of
// the runtime: the call takes microseconds, and telling costs as much again, since each wakes the runtime's monitor, which
// then polls for system calls that take too long.
func readSocket(fd uintptr, p []byte) (int, syscall.Errno) {
	n, _, errno := syscall.RawSyscall(syscall.SYS_READ, fd, uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
	return int(n), errno
}

func writeSocket(fd uintptr, p []byte) (int, syscall.Errno) {
	n, _, errno := syscall.RawSyscall(syscall.SYS_WRITE, fd, uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
	return int(n), errno
}
