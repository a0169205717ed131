package proxy

import "syscall"

// rawSockets reports whether sockets may be read and written by system calls. On Windows such calls
// would block: package net does all reads and writes.
const rawSockets = false

func readSocket(uintptr, []byte) (int, syscall.Errno) { return 0, syscall.EWINDOWS }

func writeSocket(uintptr, []byte) (int, syscall.Errno) { return 0, syscall.EWINDOWS }
