package outfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// A Folder is being written. It has one owner.
type Folder struct {
	Dir   string // where its files are written
	place string
	made  bool // the folder was not there
}

// CreateFolder begins a folder, which is created, or is there and empty. The caller ends it with Keep or
// Discard.
func CreateFolder(name string) (*Folder, error) {
	entries, err := os.ReadDir(name)
	made := errors.Is(err, fs.ErrNotExist)
	switch {
	case len(entries) > 0:
		return nil, fmt.Errorf("write %q: the folder is not empty: empty it, or name another one", name)
	case err != nil && !made:
		return nil, named(err, name)
	}
	if err := os.MkdirAll(name, 0o755); err != nil {
		return nil, named(err, name)
	}
	d := &Folder{beside(filepath.Join(name, "files")), name, made}
	if err := os.Mkdir(d.Dir, 0o755); err != nil {
		d.Discard()
		return nil, named(err, name)
	}
	return d, nil
}

// Keep moves the files to their place, unless writing them has failed. The result is the first error,
// about the folder and not about its temporary name.
func (d *Folder) Keep(failed error) error {
	entries, err := os.ReadDir(d.Dir)
	if failed == nil {
		failed = err
	}
	for _, each := range entries {
		if failed == nil {
			failed = os.Rename(filepath.Join(d.Dir, each.Name()), filepath.Join(d.place, each.Name()))
		}
	}
	if failed != nil {
		d.Discard()
		return named(failed, d.place)
	}
	return named(os.Remove(d.Dir), d.place)
}

// Discard removes what was written.
func (d *Folder) Discard() {
	os.RemoveAll(d.Dir)
	if d.made {
		os.Remove(d.place) // which keeps it if something else is there
	}
}
