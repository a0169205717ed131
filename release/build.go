package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

// A build is a release that is being built. Its files are staged in a temporary folder:
//
//	common/          of all archives: documents, man pages, completions, configuration
//	package/         of packages alone
//	linux_amd64/     the binary of a platform
type build struct {
	*options
	stage string
}

// staged is a file or folder of the stage.
func (b *build) staged(path ...string) string {
	return filepath.Join(append([]string{b.stage}, path...)...)
}

// binaryOf is the binary of a platform.
func (b *build) binaryOf(p platform) string {
	name := "interlock"
	if p.os == "windows" {
		name += ".exe"
	}
	return b.staged(p.os+"_"+p.arch, name)
}

// binary compiles for a platform.
func (b *build) binary(ctx context.Context, p platform) error {
	stamp := "-X github.com/interlock-proxy/interlock/internal/version.stamp=" + b.source.stamp()
	c := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-pgo=cmd/interlock/serve.pgo", "-ldflags=-s -w -buildid= "+stamp, "-o", b.binaryOf(p), "./cmd/interlock")
	c.Dir = b.root
	c.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+p.os, "GOARCH="+p.arch, "GOFLAGS=-mod=readonly", "GOWORK=off", "GOAMD64=v1", "GOARM64=v8.0", "GOEXPERIMENT=")
	return run(c)
}

// common stages what is the same for all platforms. A binary for this machine writes it.
func (b *build) common(ctx context.Context) error {
	here := platform{runtime.GOOS, runtime.GOARCH}
	if err := b.binary(ctx, here); err != nil {
		return err
	}
	for _, name := range []string{"LICENSE", "README.md", "CHANGELOG.md"} {
		text, err := os.ReadFile(filepath.Join(b.root, name))
		if err != nil {
			return err
		}
		if err := write(b.staged("common", name), text, 0o644); err != nil {
			return err
		}
	}
	interlock := func(args ...string) *exec.Cmd { return exec.CommandContext(ctx, b.binaryOf(here), args...) }
	if err := run(interlock("man", b.staged("common/man/man1"))); err != nil {
		return err
	}
	for name, args := range map[string][]string{
		"common/completions/bash/interlock":           {"completion", "bash"},
		"common/completions/zsh/_interlock":           {"completion", "zsh"},
		"common/completions/fish/interlock.fish":      {"completion", "fish"},
		"common/completions/powershell/interlock.ps1": {"completion", "powershell"},
		"common/interlock.yaml":                       {"init", "--full", "-"},
		"package/interlock.yaml":                      {"init", "-"},
	} {
		c := interlock(args...)
		var out bytes.Buffer
		c.Stdout = &out
		if err := run(c); err != nil {
			return err
		}
		if err := write(b.staged(name), out.Bytes(), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// run runs a command and returns what it printed as the error.
func run(c *exec.Cmd) error {
	var failed bytes.Buffer
	c.Stderr = &failed
	if err := c.Run(); err != nil {
		return fmt.Errorf("%s: %w\n%s", c, err, failed.String())
	}
	return nil
}

// write writes a file and makes its folder.
func write(name string, content []byte, mode os.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	return os.WriteFile(name, content, mode)
}
