package run

import (
	"io"
	"os"
)

// held keeps what is written to it in a file without a name, so that it does not come between what a command writes.
type held struct {
	to   io.Writer // where it goes in the end
	file *os.File  // nil: nothing was written
}

// Write keeps p.
func (h *held) Write(p []byte) (int, error) {
	if h.file == nil {
		file, err := os.CreateTemp("", "interlock-run-")
		if err != nil {
			return 0, err
		}
		h.file = file
		if err := os.Remove(file.Name()); err != nil {
			return 0, err
		}
	}
	return h.file.Write(p)
}

// release writes what was kept to where it goes.
func (h *held) release() error {
	if h.file == nil {
		return nil
	}
	_, err := h.file.Seek(0, io.SeekStart)
	if err == nil {
		_, err = io.Copy(h.to, h.file)
	}
	h.discard()
	return err
}

// discard lets go of what was kept.
func (h *held) discard() {
	if h.file != nil {
		h.file.Close()
		h.file = nil
	}
}
