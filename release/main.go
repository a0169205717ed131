// Command release builds all files of a release: archives, packages, an image, lists of components
// and checksums. The same commit and the same version of Go give the same bytes on any machine.
//
//	go -C release run . -out ../dist
//
// See RELEASING.md.
package main

import (
	"context"
	"crypto/sha256"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
)

// options are what the command line says.
type options struct {
	root      string // of the source
	out       string // where the files of the release go
	platforms []platform
	source    source
}

// A platform is what binaries are built for.
type platform struct{ os, arch string }

func (p platform) String() string { return p.os + "/" + p.arch }

// all are the platforms of a release.
const all = "linux/amd64,linux/arm64,darwin/amd64,darwin/arm64,windows/amd64,windows/arm64"

func main() {
	if err := command(); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func command() error {
	var o options
	flag.StringVar(&o.root, "root", "..", "`folder` of the source")
	flag.StringVar(&o.out, "out", "../dist", "`folder` for the files of the release; it is emptied")
	list := flag.String("platform", all, "`platforms` to build for")
	flag.StringVar(&o.source.commit, "commit", "", "`commit` of a source without .git")
	date := flag.String("date", "", "`date` of that commit, as 2026-11-29T19:37:21Z")
	flag.BoolVar(&o.source.released, "released", false, "the source without .git is that of a tag")
	flag.Parse()
	if err := o.parse(*list, *date); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	return release(ctx, &o)
}

// parse reads the list of platforms and the source.
func (o *options) parse(list, date string) (err error) {
	for name := range strings.SplitSeq(list, ",") {
		system, arch, ok := strings.Cut(name, "/")
		if !ok {
			return fmt.Errorf("platform %q: write it as linux/amd64", name)
		}
		o.platforms = append(o.platforms, platform{system, arch})
	}
	if o.root, err = filepath.Abs(o.root); err != nil {
		return err
	}
	if o.out, err = filepath.Abs(o.out); err != nil {
		return err
	}
	return o.source.read(o.root, date)
}

// release builds all files.
func release(ctx context.Context, o *options) error {
	stage, err := os.MkdirTemp("", "interlock-release-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(stage)
	if err := os.RemoveAll(o.out); err != nil {
		return err
	}
	if err := os.MkdirAll(o.out, 0o755); err != nil {
		return err
	}
	b := &build{options: o, stage: stage}
	if err := b.common(ctx); err != nil {
		return err
	}
	for _, p := range o.platforms {
		fmt.Println(p)
		if err := b.platform(ctx, p); err != nil {
			return fmt.Errorf("%s: %w", p, err)
		}
	}
	if err := b.image(); err != nil {
		return fmt.Errorf("image: %w", err)
	}
	return checksums(o.out)
}

// platform builds the files for one platform.
func (b *build) platform(ctx context.Context, p platform) error {
	if err := b.binary(ctx, p); err != nil {
		return err
	}
	if err := b.archive(p); err != nil {
		return err
	}
	if err := b.components(p); err != nil {
		return err
	}
	if p.os != "linux" {
		return nil
	}
	return b.packages(p)
}

// checksums writes the file that sha256sum --check reads.
func checksums(dir string) error {
	files, err := os.ReadDir(dir) // in the order of their names
	if err != nil {
		return err
	}
	var list strings.Builder
	for _, f := range files {
		content, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			return err
		}
		fmt.Fprintf(&list, "%x  %s\n", sha256.Sum256(content), f.Name())
	}
	return os.WriteFile(filepath.Join(dir, "SHA256SUMS"), []byte(list.String()), 0o644)
}
