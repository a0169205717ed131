package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// A checkout is the Go code of a directory, without its tests.
type checkout struct {
	dir      string
	fset     *token.FileSet
	packages map[string][]*file // by directory
}

// A file is one file of a package.
type file struct {
	*ast.File
	name  string // below dir
	lines int
}

func read(dir string) (*checkout, error) {
	c := &checkout{dir: dir, fset: token.NewFileSet(), packages: map[string][]*file{}}
	return c, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "node_modules" || d.Name() == "testdata" || d.Name() == ".git") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		parsed, err := parser.ParseFile(c.fset, path, text, parser.ParseComments)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		at := filepath.ToSlash(filepath.Dir(name))
		c.packages[at] = append(c.packages[at], &file{parsed, filepath.ToSlash(name), strings.Count(string(text), "\n")})
		return nil
	})
}

// receiver returns the name of the receiver's type, or an empty string for a function.
func receiver(f *ast.FuncDecl) string {
	if f.Recv == nil || len(f.Recv.List) == 0 {
		return ""
	}
	t := f.Recv.List[0].Type
	for {
		switch is := t.(type) {
		case *ast.StarExpr:
			t = is.X
		case *ast.IndexExpr:
			t = is.X
		case *ast.Ident:
			return is.Name
		default:
			return ""
		}
	}
}
