package main

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"time"
)

// A file is one of an archive or a package. Archives have nothing else of it: no owner, no time of
// its own.
type file struct {
	name string // in the archive
	from string // on this machine
	mode fs.FileMode
}

// walk lists a folder in the order of the names, for a folder of an archive.
func walk(dir, to string) (list []file, err error) {
	err = fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			list = append(list, file{path.Join(to, name), filepath.Join(dir, name), 0o644})
		}
		return err
	})
	return list, err
}

// archive writes the archive of a platform.
func (b *build) archive(p platform) error {
	name := "interlock_" + b.source.name() + "_" + p.os + "_" + p.arch
	list, err := walk(b.staged("common"), name)
	if err != nil {
		return err
	}
	binary := b.binaryOf(p)
	list = append([]file{{path.Join(name, filepath.Base(binary)), binary, 0o755}}, list...)
	if p.os == "windows" {
		return create(filepath.Join(b.out, name+".zip"), func(w io.Writer) error { return writeZip(w, list, b.source.date) })
	}
	return create(filepath.Join(b.out, name+".tar.gz"), func(w io.Writer) error {
		z, _ := gzip.NewWriterLevel(w, gzip.BestCompression) // the level is valid
		return errors.Join(writeTar(z, list, b.source.date), z.Close())
	})
}

func writeTar(w io.Writer, list []file, date time.Time) error {
	t := tar.NewWriter(w)
	for _, f := range list {
		content, err := os.ReadFile(f.from)
		if err != nil {
			return err
		}
		if err := t.WriteHeader(&tar.Header{Name: f.name, Mode: int64(f.mode), Size: int64(len(content)), ModTime: date, Format: tar.FormatUSTAR}); err != nil {
			return err
		}
		if _, err := t.Write(content); err != nil {
			return err
		}
	}
	return t.Close()
}

func writeZip(w io.Writer, list []file, date time.Time) error {
	z := zip.NewWriter(w)
	for _, f := range list {
		h := &zip.FileHeader{Name: f.name, Method: zip.Deflate, Modified: date}
		h.SetMode(f.mode)
		to, err := z.CreateHeader(h)
		if err != nil {
			return err
		}
		content, err := os.ReadFile(f.from)
		if err != nil {
			return err
		}
		if _, err := to.Write(content); err != nil {
			return err
		}
	}
	return z.Close()
}

// create writes a new file.
func create(name string, content func(io.Writer) error) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	return errors.Join(content(f), f.Close())
}
