package config

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// checkShadowed reports routes that never match, because earlier ones match first.
func (c *Config) checkShadowed(fault func(key, format string, v ...any)) {
	for i := range c.Routes {
		for j := range i {
			if c.Routes[j].covers(&c.Routes[i]) {
				fault(fmt.Sprintf("routes[%d].name", i), "no connection reaches this route: %s (routes[%d]) matches all of them first; move this route up, or narrow the other one", c.Routes[j].Name, j)
				break
			}
		}
	}
}

// covers reports whether a route matches every connection that the other one matches.
func (r *RouteConfig) covers(other *RouteConfig) bool {
	return (r.Listen == "" || r.Listen == other.Listen) && coverAll(r.Hosts, other.Hosts) && coverAll(r.SNI, other.SNI)
}

// coverAll reports whether each name that matches one of the others matches one of the globs. An
// empty list matches everything.
func coverAll(globs, others []string) bool {
	if len(globs) == 0 {
		return true
	}
	if len(others) == 0 {
		return false
	}
	return !slices.ContainsFunc(Lowered(others), func(other string) bool {
		return !slices.ContainsFunc(Lowered(globs), func(glob string) bool { return coversGlob(glob, other) })
	})
}

// coversGlob reports whether every name that matches other matches g too. It may miss cases, but is
// never wrong: in a glob with only * as a wildcard, a * that matches the text of the other glob
// also matches every name that matches this text.
func coversGlob(glob, other string) bool {
	if glob == other {
		return true
	}
	fits, err := path.Match(glob, other)
	return err == nil && fits && !strings.ContainsAny(glob, `?[\`)
}
