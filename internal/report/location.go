package report

import (
	"net/url"
	"path"
	"path/filepath"
	"strings"
)

// A Location is a line of a file in the source tree. Formats for source code place every finding at
// one. The zero value is no file.
type Location struct {
	File string // relative to the top of the source tree
	Line int    // from 1
}

// defaultFile is the file of findings without a location, in formats that demand one.
const defaultFile = "interlock.yaml"

// at is where findings on a route are shown.
func (o *Options) at(route string) Location {
	l, known := o.Routes[route]
	if !known {
		l = o.Location
	}
	return l.relative()
}

// relative is the location as a consumer takes it: a path from the top of a source tree, never an
// absolute one or a URL. The file is empty where there is none.
func (l Location) relative() Location {
	name := filepath.ToSlash(l.File)
	if _, rest, ok := strings.Cut(name, "://"); ok {
		name = "/" + rest
	}
	if len(name) > 1 && name[1] == ':' { // a drive
		name = name[2:]
	}
	if strings.HasPrefix(name, "/") || strings.Contains(name, `\`) {
		name = name[strings.LastIndexAny(name, `/\`)+1:]
	}
	return Location{strings.TrimPrefix(path.Clean("/"+name), "/"), max(l.Line, 1)}
}

// uri is the file of a relative location as a relative reference (RFC 3986 §4.2).
func (l Location) uri() string { return (&url.URL{Path: l.File}).String() }
