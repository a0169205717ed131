package proxy

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strings"
	"testing"
)

// TestTypesAreSmall keeps this package readable: a type with more than 30 methods, or with methods
// in more than 5 files, is two types.
func TestTypesAreSmall(t *testing.T) {
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	methods, files := map[string]int{}, map[string]map[string]bool{}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), e.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			m, ok := d.(*ast.FuncDecl)
			if !ok || m.Recv == nil {
				continue
			}
			of := m.Recv.List[0].Type
			if star, ok := of.(*ast.StarExpr); ok {
				of = star.X
			}
			name := of.(*ast.Ident).Name
			if methods[name]++; files[name] == nil {
				files[name] = map[string]bool{}
			}
			files[name][e.Name()] = true
		}
	}
	if len(methods) < 20 {
		t.Fatalf("only %d types have methods", len(methods))
	}
	for name, n := range methods {
		if n > 30 || len(files[name]) > 5 {
			t.Errorf("%s has %d methods in %d files, want at most 30 in 5", name, n, len(files[name]))
		}
	}
}
