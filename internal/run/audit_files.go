package run

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/internal/exit"
)

// Recordings returns the suffixes of the files that audit looks for in a directory.
func Recordings() []string { return []string{".wire", ".har", ".pcap", ".pcapng", ".cap"} }

// isRecording reports whether audit reads a file in a directory, judging by its name. Programs that
// rotate files number them, and any file may be gzipped.
func isRecording(name string) bool {
	name = strings.TrimSuffix(strings.ToLower(filepath.Base(name)), ".gz")
	name = strings.TrimRight(name, "0123456789")
	return !strings.HasPrefix(name, ".") && slices.Contains(Recordings(), filepath.Ext(name))
}

// RecordedIn returns the files that the arguments of audit name, with directories walked, and notes
// on skipped files. A file that does not exist or cannot be read is an error.
func RecordedIn(args []string) (files, notes []string, err error) {
	for _, name := range args {
		if name == StandardInput {
			files = append(files, name)
			continue
		}
		info, err := os.Stat(name)
		if err != nil {
			return nil, nil, missing("audit", name, err)
		}
		if !info.IsDir() {
			if err := checkReadable(name, info); err != nil {
				return nil, nil, missing("audit", name, err)
			}
			files = append(files, name)
			continue
		}
		found, passed, err := walk(name)
		switch {
		case err != nil:
			return nil, nil, missing("audit", name, err)
		case len(found) == 0:
			return nil, nil, exit.Usage("audit: no recorded traffic in %q: no name in it ends with %s (or these and .gz)", name, strings.Join(Recordings(), ", "))
		case passed > 0:
			notes = append(notes, fmt.Sprintf("%s: files with other names: %d", name, passed))
		}
		files = append(files, found...)
	}
	return files, notes, nil
}

// walk looks for recorded traffic in a directory and its subdirectories, except hidden ones.
func walk(dir string) (found []string, passed int, err error) {
	dir += string(filepath.Separator) // makes WalkDir follow a link to a directory
	err = filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		switch hidden := name != dir && strings.HasPrefix(entry.Name(), "."); {
		case err != nil:
			return err
		case entry.IsDir() && hidden:
			return fs.SkipDir
		case entry.IsDir():
			return nil
		case hidden || !isRecording(name):
			passed++
			return nil
		}
		info, err := os.Stat(name)
		switch {
		case err != nil:
			return err
		case !info.Mode().IsRegular(): // a pipe, or a link to a directory
			passed++
			return nil
		}
		found = append(found, name)
		return checkReadable(name, info)
	})
	return found, passed, err
}

// checkReadable opens a regular file to see whether it can be read.
func checkReadable(name string, info fs.FileInfo) error {
	if !info.Mode().IsRegular() {
		return nil
	}
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	return file.Close()
}

// missing returns the error for a file that could not be read.
func missing(command, name string, err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		name, err = path.Path, path.Err
	}
	return exit.Usage("%s: read %q: %w", command, name, err)
}
