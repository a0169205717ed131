//go:build unix

package proxy

import "syscall"

// descriptorLimit is how many descriptors the process may have; few if that is unknown.
func descriptorLimit() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 2 * leastAllowed
	}
	return int(min(limit.Cur, 1<<20))
}
