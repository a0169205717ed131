package main

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path"
	"path/filepath"

	"github.com/goreleaser/nfpm/v2"
	_ "github.com/goreleaser/nfpm/v2/deb" // registers the format
	"github.com/goreleaser/nfpm/v2/files"
	_ "github.com/goreleaser/nfpm/v2/rpm" // registers the format
)

// packages writes the deb and the rpm of an architecture. They start no service and make no user:
// the unit has DynamicUser.
func (b *build) packages(p platform) error {
	contents, err := b.contents(p)
	if err != nil {
		return err
	}
	script := func(name string) string { return filepath.Join(b.root, "release/package", name) }
	for _, format := range []string{"deb", "rpm"} {
		packager, err := nfpm.Get(format)
		if err != nil {
			return err
		}
		info := nfpm.WithDefaults(&nfpm.Info{
			Name: "interlock", Arch: p.arch, Platform: p.os, Version: b.source.name(),
			Section: "net", Priority: "optional", License: "Apache-2.0",
			Maintainer: "The Interlock authors <interlock@localhost>", Homepage: homepage,
			Description: summary + "\nInterlock passes traffic through byte for byte and checks every HTTP Upgrade, and\nWebSockets over HTTP/2, against the RFCs.",
			MTime:       b.source.date, DisableGlobbing: true,
			Overridables: nfpm.Overridables{
				Contents: contents,
				Scripts:  nfpm.Scripts{PostInstall: script("postinstall.sh"), PreRemove: script("preremove.sh"), PostRemove: script("postremove.sh")},
				RPM:      nfpm.RPM{BuildHost: "localhost", Summary: summary, Compression: "gzip:9"},
				Deb:      nfpm.Deb{Compression: "gzip:9"},
			},
		})
		if err := nfpm.PrepareForPackager(info, format); err != nil {
			return err
		}
		name := filepath.Join(b.out, packager.ConventionalFileName(info))
		if err := create(name, func(w io.Writer) error { return packager.Package(info, w) }); err != nil {
			return err
		}
	}
	return nil
}

const (
	homepage = "https://github.com/interlock-proxy/interlock"
	summary  = "Reverse proxy that finds unsafe 101 Switching Protocols responses"
)

// contents are the files of a package.
func (b *build) contents(p platform) (files.Contents, error) {
	config := b.staged("package/interlock.yaml")
	c := files.Contents{
		{Source: b.binaryOf(p), Destination: "/usr/bin/interlock", FileInfo: &files.ContentFileInfo{Mode: 0o755}},
		{Source: config, Destination: "/etc/interlock/interlock.yaml", Type: files.TypeConfigNoReplace},
		{Source: filepath.Join(b.root, "deploy/systemd/interlock.service"), Destination: "/usr/lib/systemd/system/interlock.service"},
		{Source: b.staged("common/completions/bash/interlock"), Destination: "/usr/share/bash-completion/completions/interlock"},
		{Source: b.staged("common/completions/zsh/_interlock"), Destination: "/usr/share/zsh/vendor-completions/_interlock"},
		{Source: b.staged("common/completions/fish/interlock.fish"), Destination: "/usr/share/fish/vendor_completions.d/interlock.fish"},
		{Source: b.staged("common/interlock.yaml"), Destination: "/usr/share/doc/interlock/examples/interlock.yaml"},
		{Source: b.staged("common/LICENSE"), Destination: "/usr/share/doc/interlock/copyright"},
		{Source: b.staged("common/README.md"), Destination: "/usr/share/doc/interlock/README.md"},
	}
	compressed := map[string]string{b.staged("common/CHANGELOG.md"): "/usr/share/doc/interlock/changelog.gz"}
	pages, err := filepath.Glob(b.staged("common/man/man1/*.1"))
	if err != nil {
		return nil, err
	}
	for _, page := range pages {
		compressed[page] = "/usr/share/man/man1/" + filepath.Base(page) + ".gz"
	}
	for from, to := range compressed {
		at := b.staged("package", path.Base(to))
		if err := compress(from, at); err != nil {
			return nil, err
		}
		c = append(c, &files.Content{Source: at, Destination: to})
	}
	for _, dir := range []string{"/etc/interlock", "/usr/share/doc/interlock", "/usr/share/doc/interlock/examples"} { // rpm removes only folders that it has made
		c = append(c, &files.Content{Destination: dir, Type: files.TypeDir, FileInfo: &files.ContentFileInfo{Mode: 0o755}})
	}
	for _, f := range c {
		if f.FileInfo == nil {
			f.FileInfo = &files.ContentFileInfo{Mode: 0o644}
		}
		f.FileInfo.MTime = b.source.date
	}
	return c, nil
}

// compress writes a file as gzip without its name and time.
func compress(from, to string) error {
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	z, _ := gzip.NewWriterLevel(&out, gzip.BestCompression) // the level is valid
	_, err = z.Write(content)
	if err = errors.Join(err, z.Close()); err != nil {
		return err
	}
	return write(to, out.Bytes(), 0o644)
}
