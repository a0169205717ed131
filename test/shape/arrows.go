package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
)

// upwards returns the imports that point to the same floor or up, by the table of floors in the
// checkout's own test.
func (c *checkout) upwards() ([]string, error) {
	const module = "github.com/interlock-proxy/interlock/"
	floors, err := c.floors()
	all := map[string]bool{}
	for at, files := range c.packages {
		floor, known := floors[at]
		if !known {
			continue
		}
		for _, f := range files {
			for _, i := range f.Imports {
				to, ours := strings.CutPrefix(strings.Trim(i.Path.Value, `"`), module)
				if below, known := floors[to]; ours && known && below >= floor {
					all[at+" -> "+to] = true
				}
			}
		}
	}
	return sorted(all), err
}

// floors reads the table of floors from cmd/interlock/house_test.go.
func (c *checkout) floors() (map[string]int, error) {
	parsed, err := parser.ParseFile(c.fset, filepath.Join(c.dir, "cmd/interlock/house_test.go"), nil, 0)
	if err != nil {
		return nil, err
	}
	floors := map[string]int{}
	ast.Inspect(parsed, func(n ast.Node) bool {
		pair, ok := n.(*ast.KeyValueExpr)
		if !ok {
			return true
		}
		key, isKey := pair.Key.(*ast.BasicLit)
		value, isValue := pair.Value.(*ast.BasicLit)
		if isKey && isValue && value.Kind == token.INT {
			floors[strings.Trim(key.Value, `"`)], err = strconv.Atoi(value.Value)
		}
		return true
	})
	return floors, err
}

// circles returns the arrows between files of a package that are part of a cycle. Without cycles
// the files could be packages.
func (c *checkout) circles(at string) []string {
	arrows := c.arrows(at)
	var all []string
	for from, to := range arrows {
		for each := range to {
			if reaches(arrows, each, from, map[string]bool{}) {
				all = append(all, fmt.Sprintf("%s -> %s", from, each))
			}
		}
	}
	return all
}

// arrows returns, for each file of a package, the files whose declarations it uses. A method counts
// by its name if only one file has methods of that name.
func (c *checkout) arrows(at string) map[string]map[string]bool {
	declared, methods := map[string]string{}, map[string]map[string]bool{}
	for _, f := range c.packages[at] {
		for _, d := range f.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if receiver(d) == "" {
					declared[d.Name.Name] = f.name
				} else {
					if methods[d.Name.Name] == nil {
						methods[d.Name.Name] = map[string]bool{}
					}
					methods[d.Name.Name][f.name] = true
				}
			case *ast.GenDecl:
				for _, s := range d.Specs {
					switch s := s.(type) {
					case *ast.TypeSpec:
						declared[s.Name.Name] = f.name
					case *ast.ValueSpec:
						for _, n := range s.Names {
							declared[n.Name] = f.name
						}
					}
				}
			}
		}
	}
	arrows := map[string]map[string]bool{}
	for _, f := range c.packages[at] {
		arrows[f.name] = map[string]bool{}
		add := func(to string) {
			if to != "" && to != f.name {
				arrows[f.name][to] = true
			}
		}
		ast.Inspect(f.File, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.SelectorExpr:
				if in := methods[n.Sel.Name]; len(in) == 1 {
					add(sorted(in)[0])
				}
				ast.Inspect(n.X, func(n ast.Node) bool {
					if i, ok := n.(*ast.Ident); ok && i.Obj == nil {
						add(declared[i.Name])
					}
					return true
				})
				return false
			case *ast.Ident:
				if n.Obj == nil || f.Scope.Lookup(n.Name) == nil {
					add(declared[n.Name])
				}
			}
			return true
		})
	}
	return arrows
}

func reaches(arrows map[string]map[string]bool, from, to string, seen map[string]bool) bool {
	if from == to {
		return true
	}
	if seen[from] {
		return false
	}
	seen[from] = true
	for each := range arrows[from] {
		if reaches(arrows, each, to, seen) {
			return true
		}
	}
	return false
}
