package config

import (
	"path"
	"slices"
	"strings"
)

// Lowered returns the globs in lower case.
func Lowered(globs []string) []string {
	all := make([]string, 0, len(globs))
	for _, g := range globs {
		all = append(all, strings.ToLower(g))
	}
	return all
}

// Fits reports whether a name matches one of the globs.
func Fits(globs []string, name string) bool {
	return slices.ContainsFunc(globs, func(glob string) bool {
		ok, err := path.Match(glob, name)
		return ok && err == nil
	})
}
