package store

import "os"

// writable opens the file to ask whether it may be written. Locks on Windows belong to a handle, so
// that closing another one releases none.
func writable(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return f.Close()
}
