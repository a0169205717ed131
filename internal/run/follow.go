package run

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/interlock-proxy/interlock/internal/exit"
)

// CheckFollowed returns an error unless the arguments of audit --follow are one capture or one directory.
func CheckFollowed(args []string) error {
	if len(args) != 1 || args[0] == StandardInput {
		return exit.Usage("audit --follow: name one capture, or one directory of captures; standard input is always judged as it comes")
	}
	info, err := os.Stat(args[0])
	if err != nil {
		return missing("audit --follow", args[0], err)
	}
	if !info.IsDir() && !info.Mode().IsRegular() {
		return exit.Usage("audit --follow: %q is not a file: pipe it into interlock audit -", args[0])
	}
	return nil
}

// A follower reads captures that are still being written as one stream: a file that grows, and the one that
// takes its name; or the files of a directory in the order in which they were written last, as tcpdump -G,
// tcpdump -C and dumpcap -b make them. Where there is nothing to read yet, Read waits for a moment and
// returns [os.ErrDeadlineExceeded]; after the context has ended, it returns io.EOF.
type follower struct {
	ctx   context.Context
	name  string // of the file or the directory
	file  *os.File
	at    int64
	left  []leftFile // that were read and still exist
	grown int        // of them, how many have grown since
}

// A leftFile is a file that was read.
type leftFile struct {
	info  fs.FileInfo
	begin []byte // its first bytes; a file that is written anew has others
	size  int64  // how much of it was read
	grown bool
}

// beginLength is how many bytes tell a capture from another one: they have the time of its first packet. A
// shorter capture has no packet.
const beginLength = 64

// Read is part of io.Reader.
func (f *follower) Read(p []byte) (int, error) {
	for f.ctx.Err() == nil {
		n, err := f.read(p)
		if n > 0 || err != nil && !errors.Is(err, io.EOF) {
			return n, err
		}
		next, err := f.next()
		if err != nil {
			return 0, err
		}
		if next == "" {
			return 0, f.wait()
		}
		if n, err := f.read(p); n > 0 { // it was written before the next one was begun
			return n, err
		}
		if err := f.open(next); err != nil {
			return 0, err
		}
	}
	return 0, io.EOF
}

// read reads more of the file that is open.
func (f *follower) read(p []byte) (int, error) {
	if f.file == nil {
		return 0, io.EOF
	}
	n, err := f.file.Read(p)
	f.at += int64(n)
	return n, err
}

// wait waits for a moment.
func (f *follower) wait() error {
	select {
	case <-time.After(liveStep):
		return os.ErrDeadlineExceeded
	case <-f.ctx.Done():
		return io.EOF
	}
}

// open leaves the open file, and opens the next one. A file that is gone already is passed over.
func (f *follower) open(name string) error {
	f.leave()
	file, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	f.file, f.at = file, 0
	return err
}

// leave remembers the open file as read, and closes it.
func (f *follower) leave() {
	if f.file == nil {
		return
	}
	if info, err := f.file.Stat(); err == nil {
		f.left = slices.DeleteFunc(f.left, func(l leftFile) bool { return os.SameFile(l.info, info) })
		f.left = append(f.left, leftFile{info: info, begin: beginOf(f.file), size: f.at})
	}
	f.close()
}

func (f *follower) close() {
	if f.file != nil {
		f.file.Close()
		f.file = nil
	}
}

// beginOf returns the first bytes of a file.
func beginOf(file *os.File) []byte {
	b := make([]byte, beginLength)
	n, _ := file.ReadAt(b, 0)
	return b[:n]
}

// next returns the name of the file to read after the open one; empty if there is none yet.
func (f *follower) next() (string, error) {
	info, err := os.Stat(f.name)
	switch {
	case errors.Is(err, fs.ErrNotExist): // between two files of that name
		return "", nil
	case err != nil:
		return "", err
	case !info.IsDir():
		if f.current(info) {
			return "", nil
		}
		return f.name, nil
	}
	return f.nextIn(f.name)
}

// current reports whether a file is the open one, as it was written first.
func (f *follower) current(info fs.FileInfo) bool {
	if f.file == nil {
		return false
	}
	open, err := f.file.Stat()
	return err == nil && os.SameFile(open, info) && info.Size() >= f.at
}

// nextIn returns the capture in a directory that was written the longest time ago among those that were not
// read.
func (f *follower) nextIn(dir string) (string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	type candidate struct {
		name string
		info fs.FileInfo
	}
	var found []candidate
	var there []fs.FileInfo
	for _, e := range entries {
		name := filepath.Join(dir, e.Name())
		if !isCapture(name) {
			continue
		}
		info, err := os.Stat(name)
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		there = append(there, info)
		if info.Size() > 0 && !f.current(info) && !f.wasRead(name, info) {
			found = append(found, candidate{name, info})
		}
	}
	f.left = slices.DeleteFunc(f.left, func(l leftFile) bool {
		return !slices.ContainsFunc(there, func(info fs.FileInfo) bool { return os.SameFile(l.info, info) })
	})
	if len(found) == 0 {
		return "", nil
	}
	first := slices.MinFunc(found, func(a, b candidate) int {
		return cmp.Or(a.info.ModTime().Compare(b.info.ModTime()), strings.Compare(a.name, b.name))
	})
	return first.name, nil
}

// wasRead reports whether a file was read. A ring of files writes its oldest one anew.
func (f *follower) wasRead(name string, info fs.FileInfo) bool {
	i := slices.IndexFunc(f.left, func(l leftFile) bool { return os.SameFile(l.info, info) })
	if i < 0 {
		return false
	}
	l := &f.left[i]
	if l.info.ModTime().Equal(info.ModTime()) && info.Size() == l.size {
		return true
	}
	file, err := os.Open(name)
	if err != nil {
		return true // it is gone
	}
	defer file.Close()
	if len(l.begin) < beginLength || !bytes.Equal(beginOf(file), l.begin) {
		return false
	}
	if info.Size() > l.size && !l.grown {
		l.grown = true
		f.grown++
	}
	return true
}

// isCapture reports whether a file is a capture of packets, by its name.
func isCapture(name string) bool {
	return isRecording(name) && !strings.HasSuffix(name, ".gz") && !slices.Contains([]string{".wire", ".har"}, filepath.Ext(name))
}
