package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const module = "github.com/interlock-proxy/interlock"

// hpack and parser are the only libraries that the pure packages import: they have no clock, network or
// file either. The parser reads JSON in half the time, and is encoding/json/v2 of Go 1.27.
const (
	hpack  = "golang.org/x/net/http2/hpack"
	parser = "github.com/go-json-experiment/json/"
)

// floors say which packages stand on which: an import points only downwards.
var floors = map[string]int{
	"wire/h2": -1, "wire/tlsrec": -1, "wire/ws": -1,
	"wire": 0, "internal/tlsread": 0, "internal/exit": 0, "internal/errno": 0, "internal/outfile": 0, "internal/version": 0, "test/shape": 0,
	"proxy": 1, "rules": 1, "internal/capture": 1, "internal/ca": 1, "internal/lab/ports": 1,
	"rules/new": 2, "internal/diagnose": 2, "internal/printed": 2, "internal/store": 2, "internal/probe": 2, "internal/chain": 2, "internal/lab": 2, "internal/trace": 2,
	"internal/accept": 3, "internal/hop": 3, "internal/tunnel": 3, "internal/event": 3,
	"internal/web/filter": 4, "internal/audit": 4, "internal/report": 4,
	"internal/web/ui": 5, "internal/terminal": 5, "interlocktest": 5,
	"internal/web": 6, "internal/why": 6,
	"internal/config": 7, "internal/baseline": 7,
	"internal/server": 8, "internal/help": 8,
	"internal/run": 9, "internal/demo": 9,
	"internal/rulebook": 10,
	"cmd/interlock":     11,
}

func TestImportsPointDownwards(t *testing.T) {
	list := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "./...")
	list.Dir = "../.."
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		name := strings.TrimPrefix(words[0], module+"/")
		floor, known := floors[name]
		if !known {
			t.Errorf("package %s stands on no floor", name)
		}
		seen++
		for _, path := range words[1:] {
			below, ours := strings.CutPrefix(path, module+"/")
			switch {
			case ours && floors[below] >= floor:
				t.Errorf("%s (floor %d) imports %s (floor %d)", name, floor, below, floors[below])
			case !ours && (name == "wire" || name == "wire/h2" || name == "wire/tlsrec" || name == "wire/ws" || name == "rules" || name == "internal/diagnose") && strings.Contains(path, ".") && path != hpack && !strings.HasPrefix(path, parser):
				t.Errorf("%s is pure and imports %s", name, path)
			}
		}
	}
	if seen != len(floors) {
		t.Errorf("%d packages were seen, and %d stand on floors", seen, len(floors))
	}
}

// pure are imports that wire, rules and diagnose must not have: a value goes in, a value comes out.
var pure = regexp.MustCompile(`(?m)^(?:import |\t)(?:\w+ )?"(net|net/http|os|log|log/slog|context|io/fs|math/rand|crypto/rand)"$`)

func TestPurePackages(t *testing.T) {
	for _, pattern := range []string{"../../wire/*.go", "../../wire/h2/*.go", "../../wire/tlsrec/*.go", "../../wire/ws/*.go", "../../internal/tlsread/*.go", "../../rules/*.go", "../../internal/diagnose/*.go", "../../internal/hop/*.go"} {
		files, _ := filepath.Glob(pattern)
		if len(files) == 0 {
			t.Errorf("no files in %s", pattern)
		}
		for _, name := range files {
			text := read(t, name)
			if found := pure.FindString(text); found != "" && !strings.HasSuffix(name, "_test.go") {
				t.Errorf("%s imports %s", name, found)
			}
			if strings.Contains(text, "time.Now") && !strings.HasSuffix(name, "_test.go") {
				t.Errorf("%s has a clock", name)
			}
		}
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
