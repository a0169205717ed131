// Package site writes the results of the scoreboard as a static site.
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

// Build reads the result files of a folder and writes the site to another. It returns how many
// files it wrote. The newest run is the scoreboard, and older ones are its history.
func Build(from, to string) (int, error) {
	runs, err := read(from)
	if err != nil {
		return 0, err
	}
	if len(runs) == 0 {
		return 0, fmt.Errorf("%s: no result files", from)
	}
	return 0, os.MkdirAll(to, 0o755)
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
		if err != nil {
			errs = append(errs, err)
			continue
		}
		runs = append(runs, r)
	}
	slices.SortStableFunc(runs, func(a, b *results.Run) int { return strings.Compare(b.Date, a.Date) })
	return runs, errors.Join(errs...)
}
