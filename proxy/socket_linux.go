package proxy

import (
	"syscall"
	"unsafe"
)

// readSocket and writeSocket do one read and one write on a socket that does not block. They do not tell the scheduler of
// the runtime: the call takes microseconds, and telling costs as much again, since each wakes the runtime's monitor, which
// then polls for system calls that take too long. They are those of sockets, which spare the kernel the way of files.
func readSocket(fd uintptr, p []byte) (int, syscall.Errno) {
	n, _, errno := syscall.RawSyscall6(syscall.SYS_RECVFROM, fd, uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), 0, 0, 0)
	return int(n), errno
}

func writeSocket(fd uintptr, p []byte) (int, syscall.Errno) {
	n, _, errno := syscall.RawSyscall6(syscall.SYS_SENDTO, fd, uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), syscall.MSG_NOSIGNAL, 0, 0)
	return int(n), errno
}
