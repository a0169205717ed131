package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// A source is what a release is built from.
type source struct {
	version  string // of internal/version
	commit   string
	date     time.Time // of the commit; all files have it
	modified bool      // the tree differs from the commit
	released bool      // the commit has the tag of the version
}

// read fills in what git and internal/version say. Without .git the commit and the date must be
// given.
func (s *source) read(root, date string) error {
	text, err := os.ReadFile(filepath.Join(root, "internal/version/version.go"))
	if err != nil {
		return err
	}
	found := regexp.MustCompile(`const release = "(.+)"`).FindSubmatch(text)
	if found == nil {
		return errors.New("internal/version has no release")
	}
	s.version = string(found[1])
	if s.commit == "" {
		return s.ask(root)
	}
	s.date, err = time.Parse(time.RFC3339, date)
	s.date = s.date.UTC()
	return err
}

// ask asks git.
func (s *source) ask(root string) error {
	git := func(args ...string) (string, error) {
		out, err := exec.Command("git", append([]string{"-C", root}, args...)...).Output()
		if err != nil {
			return "", fmt.Errorf("git %s: %w (without git, use -commit and -date)", args[0], err)
		}
		return strings.TrimSpace(string(out)), nil
	}
	head, err := git("log", "-1", "--format=%H %cI")
	if err != nil {
		return err
	}
	changes, err := git("status", "--porcelain")
	if err != nil {
		return err
	}
	tags, err := git("tag", "--points-at", "HEAD")
	if err != nil {
		return err
	}
	commit, date, _ := strings.Cut(head, " ")
	s.commit, s.modified = commit, changes != ""
	s.released = slices.Contains(strings.Fields(tags), "v"+s.version)
	s.date, err = time.Parse(time.RFC3339, date)
	s.date = s.date.UTC()
	return err
}

// name is the version that files are named after. What is not released sorts before the release.
func (s *source) name() string {
	name := s.version
	if !s.released {
		name += "-dev." + s.date.Format("20060102150405") + ".g" + s.commit[:min(12, len(s.commit))]
	}
	if s.modified {
		if s.released {
			name += "-dev"
		}
		name += ".modified"
	}
	return name
}

// stamp is what the linker writes into internal/version.
func (s *source) stamp() string {
	stamp := s.commit + "," + s.date.Format(time.RFC3339)
	if s.modified {
		stamp += ",modified"
	}
	return stamp
}
