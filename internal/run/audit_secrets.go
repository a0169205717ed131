package run

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"

	"github.com/interlock-proxy/interlock/internal/exit"
	"github.com/interlock-proxy/interlock/internal/tlsread"
)

// Secrets are those of a key log, which programs may still be writing.
type Secrets struct {
	name string
	log  tlsread.KeyLog
	at   int64 // how much of the file has been read
}

// OpenSecrets reads the file of --keylog. Without a name there are none. Of a live capture it may not exist
// yet.
func OpenSecrets(name string, live bool) (*Secrets, error) {
	if name == "" {
		return nil, nil
	}
	s := &Secrets{name: name}
	err := s.open(live)
	if err == nil {
		return s, nil
	}
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	return nil, exit.Usage("audit: --keylog %q: %w", name, err)
}

func (s *Secrets) open(live bool) error {
	if live {
		return s.more()
	}
	file, err := os.Open(s.name)
	if err != nil {
		return err
	}
	defer file.Close()
	return s.log.Read(file)
}

// maxMore is how many bytes of a key log are read at once.
const maxMore = 16 << 20

// more reads the lines that were added to the file.
func (s *Secrets) more() error {
	file, err := os.Open(s.name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	defer file.Close()
	for {
		b, err := io.ReadAll(io.NewSectionReader(file, s.at, maxMore))
		whole := bytes.LastIndexByte(b, '\n') + 1
		if err != nil || whole == 0 {
			return err
		}
		s.at += int64(whole)
		if err := s.log.More(bytes.NewReader(b[:whole])); err != nil {
			return err
		}
	}
}

// keys returns the secrets for a reader; nil if there are none.
func (s *Secrets) keys() *tlsread.KeyLog {
	if s == nil {
		return nil
	}
	return &s.log
}
