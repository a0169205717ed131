package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// TestAConfigurationIsReloadedThroughLinks replaces a link on the path to the configuration, as
// Kubernetes does when a ConfigMap changes: the name of the file itself stays as it is.
func TestAConfigurationIsReloadedThroughLinks(t *testing.T) {
	s := serveFile(t, "backend: http://127.0.0.1:3000\n")
	text, err := os.ReadFile(s.file)
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Dir(s.file)
	link := func(to, at string) {
		if err := os.Symlink(to, at+"-next"); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(at+"-next", at); err != nil {
			t.Fatal(err)
		}
	}
	for i, guard := range []string{"unsafe", "off", "unsafe"} {
		version := fmt.Sprint("..", i)
		if err := os.Mkdir(filepath.Join(folder, version), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, version, "interlock.yaml"), append(text, "guard: "+guard+"\n"...), 0o600); err != nil {
			t.Fatal(err)
		}
		link(version, filepath.Join(folder, "..data"))
		if i == 0 {
			link("..data/interlock.yaml", s.file)
		}
		if changed := fmt.Sprint(s.lines.await(t, "configuration reloaded", i+1)["changed"]); changed != "[guard]" {
			t.Errorf("%s: changed %s", version, changed)
		}
	}
}
