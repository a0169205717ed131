package run

import (
	"io"
	"os"
)

// held buffers output in an unnamed file, so that it does not mix with the output of a command.
type held struct {
	to   io.Writer // the destination after the command has ended
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

// release writes the buffered output to its destination.
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

// discard drops the buffered output.
func (h *held) discard() {
	if h.file != nil {
		h.file.Close()
		h.file = nil
	}
}
