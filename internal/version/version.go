package version

import (
	"runtime"
	"runtime/debug"
	"strings"
)

// release is the version of this program.
const release = "0.1.0"

// stamp is set by the linker in files of a release: the commit, its date, and "modified" if the tree
// had changes, separated by commas. It is empty in other builds: those ask the build information.
var stamp string

// A Build describes how this program was built. Commit and Date are empty if the build does not
// know them.
type Build struct {
	Version  string `json:"version"`
	Commit   string `json:"commit"`
	Date     string `json:"date"`     // of the commit
	Modified bool   `json:"modified"` // the tree had changes that were not committed
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

// Read is the build of this program.
func Read() Build {
	b := Build{Version: release, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	if stamp != "" {
		words := strings.Split(stamp, ",")
		b.Commit, b.Date, b.Modified = words[0], words[1], len(words) > 2
		return b
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Commit = s.Value
		case "vcs.time":
			b.Date = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
	return b
}

// String is the release and, if the build knows it, the commit, and whether the tree differed from
// it.
func String() string {
	b := Read()
	if len(b.Commit) < 12 {
		return release
	}
	name := b.Version + "+" + b.Commit[:12]
	if b.Modified {
		name += ".modified"
	}
	return name
}
