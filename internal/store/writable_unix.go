//go:build unix

package store

import "golang.org/x/sys/unix"

// writable asks whether the file may be written, without opening it.
func writable(path string) error { return unix.Access(path, unix.W_OK) }
