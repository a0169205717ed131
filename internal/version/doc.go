// Package version names this build: the release and, where the build knows it, the commit.
package version
