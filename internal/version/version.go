package version

import "runtime/debug"

// release is the version of this program.
const release = "0.1.0"

// String is the release and, if the build knows it, the commit.
func String() string {
	if build, ok := debug.ReadBuildInfo(); ok {
		for _, s := range build.Settings {
			if s.Key == "vcs.revision" && len(s.Value) >= 12 {
				return release + "+" + s.Value[:12]
			}
		}
	}
	return release
}
