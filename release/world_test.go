//go:build world

package main

import (
	"debug/elf"
	"debug/macho"
	"debug/pe"
	"path/filepath"
	"strings"
	"testing"
)

// TestWorldAllPlatforms builds the whole release and checks the format of each binary.
func TestWorldAllPlatforms(t *testing.T) {
	o := options{root: "..", out: filepath.Join(t.TempDir(), "dist")}
	if err := o.parse(all, ""); err != nil {
		t.Fatal(err)
	}
	if err := release(t.Context(), &o); err != nil {
		t.Fatal(err)
	}
	output(t, "sh", "-c", "cd '"+o.out+"' && sha256sum --check --strict SHA256SUMS")
	for _, p := range o.platforms {
		name := "interlock_" + o.source.name() + "_" + p.os + "_" + p.arch
		dir := t.TempDir()
		if p.os == "windows" {
			output(t, "unzip", "-q", filepath.Join(o.out, name+".zip"), "-d", dir)
		} else {
			output(t, "tar", "-C", dir, "-xzf", filepath.Join(o.out, name+".tar.gz"))
		}
		if got, want := machine(t, p, filepath.Join(dir, name, "interlock")), map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[p.arch]; got != want {
			t.Errorf("%s: got a binary for %s", p, got)
		}
	}
	if lines := strings.Count(text(t, filepath.Join(o.out, "SHA256SUMS")), "\n"); lines != 6+4+6+1 {
		t.Errorf("got %d checksums, want those of 6 archives, 4 packages, 6 lists of components and an image", lines)
	}
}

// machine is what a binary in the format of the platform is for.
func machine(t *testing.T, p platform, name string) string {
	t.Helper()
	var of map[any]string
	var got any
	var err error
	switch p.os {
	case "windows":
		var f *pe.File
		if f, err = pe.Open(name + ".exe"); err == nil {
			got = f.Machine
		}
		of = map[any]string{uint16(pe.IMAGE_FILE_MACHINE_AMD64): "x86_64", uint16(pe.IMAGE_FILE_MACHINE_ARM64): "aarch64"}
	case "darwin":
		var f *macho.File
		if f, err = macho.Open(name); err == nil {
			got = f.Cpu
		}
		of = map[any]string{macho.CpuAmd64: "x86_64", macho.CpuArm64: "aarch64"}
	default:
		var f *elf.File
		if f, err = elf.Open(name); err == nil {
			got = f.Machine
		}
		of = map[any]string{elf.EM_X86_64: "x86_64", elf.EM_AARCH64: "aarch64"}
	}
	if err != nil {
		t.Fatal(err)
	}
	return of[got]
}
