// Package outfile writes files and folders whole or not at all. What is written goes to a temporary name
// beside the file, or in the folder, and is moved to its place when everything is there: a full disk, or a
// command that is ended, leaves what was there before.
//
// A name that is not a regular file, such as /dev/stdout or a pipe, is written to as it is. So is a file in
// a folder in which nothing can be created.
package outfile

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
)

// A File is being written. It has one owner.
type File struct {
	*os.File
	name  string // where its owner wants it
	place string // where that is; empty: it is there
}

// Create begins a file. The caller ends it with Keep or Discard.
func Create(name string) (*File, error) {
	info, err := os.Stat(name)
	switch {
	case err == nil && !info.Mode().IsRegular():
		return direct(name)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	place, err := resolved(name)
	if err != nil {
		return nil, err
	}
	file, err := os.OpenFile(beside(place), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	switch {
	case errors.Is(err, fs.ErrPermission) && info != nil:
		return direct(name)
	case err != nil:
		return nil, named(err, name)
	}
	f := &File{file, name, place}
	if info != nil {
		if err := file.Chmod(info.Mode().Perm()); err != nil {
			f.Discard()
			return nil, named(err, name)
		}
	}
	return f, nil
}

// direct writes to the name itself.
func direct(name string) (*File, error) {
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		return nil, err
	}
	return &File{File: file, name: name}, nil
}

// resolved is the file that a name leads to by symbolic links. A link to a file that does not exist leads
// to its place.
func resolved(name string) (string, error) {
	for range 40 { // as many as Linux follows
		to, err := os.Readlink(name)
		if err != nil {
			return name, nil // it is not a link
		}
		if !filepath.IsAbs(to) {
			to = filepath.Join(filepath.Dir(name), to)
		}
		name = to
	}
	return "", &fs.PathError{Op: "open", Path: name, Err: syscall.ELOOP}
}

// beside is a free name in the folder of a file.
func beside(place string) string {
	return filepath.Join(filepath.Dir(place), fmt.Sprintf(".%s.%x.tmp", filepath.Base(place), rand.Uint64()))
}

// Reveal puts the file in its place before it is complete, for readers that follow it. An error is told by
// Keep.
func (f *File) Reveal() {
	if f.place != "" && os.Rename(f.Name(), f.place) == nil {
		f.place = ""
	}
}

// Keep ends the file and puts it in its place, unless writing it has failed. The result is the first
// error, about the file and not about its temporary name.
func (f *File) Keep(failed error) error {
	temporary := f.place != ""
	if temporary && failed == nil {
		failed = f.Sync()
	}
	if err := f.Close(); failed == nil {
		failed = err
	}
	if temporary && failed == nil {
		failed = put(f.Name(), f.place)
	}
	if temporary && failed != nil {
		os.Remove(f.Name())
	}
	return named(failed, f.name)
}

// Discard ends the file and leaves what was there before.
func (f *File) Discard() {
	f.Close()
	if f.place != "" {
		os.Remove(f.Name())
	}
}

// put gives a temporary file its name. A file that is mounted, as in a container, cannot be replaced: it is
// written to.
func put(temporary, place string) error {
	err := os.Rename(temporary, place)
	if !errors.Is(err, syscall.EBUSY) && !errors.Is(err, syscall.EXDEV) {
		return err
	}
	text, err := os.ReadFile(temporary)
	if err == nil {
		err = os.WriteFile(place, text, 0o666)
	}
	return errors.Join(err, os.Remove(temporary))
}

// named is an error about a file by the name that its user knows.
func named(err error, name string) error {
	var path *fs.PathError
	var link *os.LinkError
	switch {
	case errors.As(err, &path):
		return fmt.Errorf("write %q: %w", name, path.Err)
	case errors.As(err, &link):
		return fmt.Errorf("write %q: %w", name, link.Err)
	case err != nil:
		return fmt.Errorf("write %q: %w", name, err)
	}
	return nil
}

// Ours reports whether an error about a file is one of this machine, such as a full disk, and not a
// mistake in the name.
func Ours(err error) bool {
	for _, known := range [...]error{syscall.ENOSPC, syscall.EDQUOT, syscall.EIO, syscall.EMFILE, syscall.ENFILE, syscall.EROFS} {
		if errors.Is(err, known) {
			return true
		}
	}
	return false
}
