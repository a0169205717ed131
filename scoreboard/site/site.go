// Package site writes the results of the scoreboard as a static site. The pages have no script, load
// nothing from other hosts and also work from files.
package site

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/scoreboard/results"
)

// Options say what a site is made of.
type Options struct {
	Data    string // folder of result files
	Out     string // folder to write
	Recipes string // folder that the names of recipes are relative to; empty: recipes are not shown
	Rules   string // link to the page of a rule, with %s in place of its ID; relative to Out, or a URL
}

// Build reads the result files of a folder and writes the site to another. It returns how many
// files it wrote. The newest run is the scoreboard, and older ones are its history.
func Build(o Options) (int, error) {
	runs, err := read(o.Data)
	if err != nil {
		return 0, err
	}
	if len(runs) == 0 {
		return 0, fmt.Errorf("%s: no result files", o.Data)
	}
	b := newBoard(runs)
	b.rules = o.Rules
	if o.Recipes != "" {
		root, err := os.OpenRoot(o.Recipes)
		if err != nil {
			return 0, err
		}
		defer root.Close()
		b.recipes = root.FS()
	}
	w := &writer{out: o.Out, written: map[string]bool{}}
	if err := b.write(w); err != nil {
		return 0, err
	}
	return len(w.written), w.clean()
}

// read reads all result files of a folder, the newest run first.
func read(folder string) ([]*results.Run, error) {
	names, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil {
		return nil, err
	}
	var runs []*results.Run
	var errs []error
	for _, name := range names {
		r, err := results.Read(name)
		if err == nil {
			if err = check(r); err != nil {
				err = fmt.Errorf("%s: %w", name, err)
			}
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		runs = append(runs, r)
	}
	// Of two runs on the same day, the file whose name comes later is the newer one.
	slices.Reverse(runs)
	slices.SortStableFunc(runs, func(a, b *results.Run) int { return strings.Compare(b.Date, a.Date) })
	return runs, errors.Join(errs...)
}

// A writer writes the files of a site.
type writer struct {
	out     string
	written map[string]bool // by path, with slashes
}

func (w *writer) write(name string, content []byte) error {
	if !filepath.IsLocal(filepath.FromSlash(name)) || w.written[name] {
		return fmt.Errorf("the site cannot have a file %q, or has it already", name)
	}
	w.written[name] = true
	path := filepath.Join(w.out, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, content, 0o644)
}

// The folders of the site, with the ends of the names of their files.
var folders = map[string]string{"servers": ".html", "probes": ".html", "badges": ".svg"}

// clean removes pages of servers and probes that an earlier site had.
func (w *writer) clean() error {
	var errs []error
	for folder, suffix := range folders {
		entries, err := os.ReadDir(filepath.Join(w.out, folder))
		if err != nil {
			errs = append(errs, err)
		}
		for _, e := range entries {
			if strings.HasSuffix(e.Name(), suffix) && !w.written[folder+"/"+e.Name()] {
				errs = append(errs, os.Remove(filepath.Join(w.out, folder, e.Name())))
			}
		}
	}
	return errors.Join(errs...)
}
