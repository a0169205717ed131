package main

import (
	"os"
	"path/filepath"
	"testing"
)

// TestFiguresOfASmallCheckout counts what is in two files.
func TestFiguresOfASmallCheckout(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":                        "module a\n\nrequire (\n\tb v1.0.0\n\tc v1.0.0 // indirect\n)\n",
		"cmd/interlock/house_test.go":   "package main\n\nvar floors = map[string]int{\"proxy\": 1, \"rules\": 1}\n",
		"cmd/interlock/a.go":            "package main\n\nfunc a() { b() }\n",
		"cmd/interlock/b.go":            "package main\n\nfunc b() { a() }\n\nfunc c() {}\n",
		"cmd/interlock/c.go":            "package main\n\nfunc d() { c() }\n",
		"proxy/lanes.go":                "package proxy\n\nimport _ \"github.com/interlock-proxy/interlock/rules\"\n\n// Copy has two legs, on the way.\nfunc Copy(theWay r) {\n\tfor {\n\t\ttheWay.Read()\n\t\ttheWay.Write()\n\t}\n}\n",
		"proxy/testdata/not-counted.go": "no Go",
	} {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := measure(dir)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"11", "3", "-", "0", "1", "2", "0", "1", "1", "1", "1"}
	for i, f := range got {
		if i >= len(want) || f.value != want[i] {
			t.Errorf("%s: got %s %q", f.name, f.value, f.each)
		}
	}
}
