package run

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/interlock-proxy/interlock/internal/exit"
	"github.com/interlock-proxy/interlock/internal/tlsread"
)

// Secrets are those of a key log, which programs may still be writing.
type Secrets struct {
	name string
	log  tlsread.KeyLog
	at   int64 // how much of the file has been read

	vain   int       // how often in a row a secret was waited for in vain
	waited time.Time // when that ended the last time
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
		s.log.Missing = s.missing
		return s.more()
	}
	file, err := os.Open(s.name)
	if err != nil {
		return err
	}
	defer file.Close()
	return s.log.Read(file)
}

// How long a secret is waited for that is missing. A server sends the first bytes that need one before its
// client can know it. Connections of programs that write no key log must not hold up the others.
const (
	missingFor  = 200 * time.Millisecond
	missingStep = 5 * time.Millisecond
	maxVain     = 3 // then one is waited for once a second
)

// missing reports whether secrets were added to the file, or are in a moment.
func (s *Secrets) missing() bool {
	if s.vain >= maxVain && time.Since(s.waited) < time.Second {
		return false
	}
	was := s.at
	for end := time.Now().Add(missingFor); time.Now().Before(end); <-time.After(missingStep) {
		if err := s.more(); err != nil {
			return false // the next read reports it
		}
		if s.at > was {
			s.vain = 0
			return true
		}
	}
	s.vain++
	s.waited = time.Now()
	return false
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
