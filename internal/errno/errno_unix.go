//go:build unix

// Package errno has the error numbers of sockets and disks. Windows returns its own numbers (10061), and not
// those that package syscall gives the names of POSIX.
package errno

import "syscall"

// The errors of sockets and disks, by the names of POSIX.
const (
	EACCES        = syscall.EACCES
	EADDRINUSE    = syscall.EADDRINUSE
	EADDRNOTAVAIL = syscall.EADDRNOTAVAIL
	ECONNABORTED  = syscall.ECONNABORTED
	ECONNREFUSED  = syscall.ECONNREFUSED
	ECONNRESET    = syscall.ECONNRESET
	EHOSTUNREACH  = syscall.EHOSTUNREACH
	EMFILE        = syscall.EMFILE
	ENETUNREACH   = syscall.ENETUNREACH
	ENOBUFS       = syscall.ENOBUFS
	ETIMEDOUT     = syscall.ETIMEDOUT
	ENOSPC        = syscall.ENOSPC
)
