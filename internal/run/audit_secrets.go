package run

import (
	"errors"
	"io/fs"
	"os"

	"github.com/interlock-proxy/interlock/internal/exit"
	"github.com/interlock-proxy/interlock/internal/tlsread"
)

// Secrets reads the file of --keylog. Without a name there are none.
func Secrets(name string) (*tlsread.KeyLog, error) {
	if name == "" {
		return nil, nil
	}
	file, err := os.Open(name)
	if err == nil {
		defer file.Close()
		secrets := new(tlsread.KeyLog)
		if err = secrets.Read(file); err == nil {
			return secrets, nil
		}
	}
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	return nil, exit.Usage("audit: --keylog %q: %w", name, err)
}
