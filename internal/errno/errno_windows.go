// Package errno has the error numbers of sockets and disks. Windows returns its own numbers (10061), and not
// those that package syscall gives the names of POSIX.
package errno

import "golang.org/x/sys/windows"

// The errors of sockets and disks, by the names of POSIX.
const (
	EACCES        = windows.WSAEACCES
	EADDRINUSE    = windows.WSAEADDRINUSE
	EADDRNOTAVAIL = windows.WSAEADDRNOTAVAIL
	ECONNABORTED  = windows.WSAECONNABORTED
	ECONNREFUSED  = windows.WSAECONNREFUSED
	ECONNRESET    = windows.WSAECONNRESET
	EHOSTUNREACH  = windows.WSAEHOSTUNREACH
	EMFILE        = windows.WSAEMFILE
	ENETUNREACH   = windows.WSAENETUNREACH
	ENOBUFS       = windows.WSAENOBUFS
	ETIMEDOUT     = windows.WSAETIMEDOUT
	ENOSPC        = windows.ERROR_DISK_FULL
)
