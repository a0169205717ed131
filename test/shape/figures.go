package main

import (
	"cmp"
	"fmt"
	"go/ast"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// A figure is a row of the table, with the items counted for it.
type figure struct {
	name, value string
	each        []string
}

// counted returns the figure for a number of items.
func counted(name string, each []string) figure { return figure{name, fmt.Sprint(len(each)), each} }

// The bounds that CONVENTIONS sets for one type.
const (
	maxMethods = 30
	maxFiles   = 5
)

func (c *checkout) figures() ([]figure, error) {
	lines, files := 0, c.packages["cmd/interlock"]
	for _, f := range files {
		lines += f.lines
	}
	large := c.largeTypes()
	first := figure{name: "largest types (methods/files)", value: "-"}
	for i := range min(3, len(large)) {
		first.each = append(first.each, large[i].String())
	}
	if len(first.each) > 0 {
		first.value = strings.Join(first.each, ", ")
		first.each = nil
	}
	var over []string
	for _, t := range large {
		if t.methods > maxMethods || t.files > maxFiles {
			over = append(over, t.String())
		}
	}
	identifiers, words := c.nouns()
	upwards, err := c.upwards()
	return []figure{
		{name: "cmd/interlock: lines", value: fmt.Sprint(lines)},
		{name: "cmd/interlock: files", value: fmt.Sprint(len(files))},
		first,
		counted(fmt.Sprintf("types over %d methods or %d files", maxMethods, maxFiles), over),
		counted("proxy: loops that read and write", c.copyLoops()),
		counted("cmd/interlock: arrows between files that close a circle", c.circles("cmd/interlock")),
		counted("proxy: arrows between files that close a circle", c.circles("proxy")),
		counted("packages: imports that point upwards", upwards),
		counted("private nouns in identifiers", identifiers),
		counted("private nouns in comments", words),
		counted("direct dependencies of the product module", c.dependencies()),
	}, err
}

// A size is how large a type is.
type size struct {
	name           string
	methods, files int
}

func (s size) String() string { return fmt.Sprintf("%s %d/%d", s.name, s.methods, s.files) }

// largeTypes returns all types with methods, the largest first.
func (c *checkout) largeTypes() []size {
	var all []size
	for at, files := range c.packages {
		methods, in := map[string]int{}, map[string]map[string]bool{}
		for _, f := range files {
			for _, d := range f.Decls {
				fn, ok := d.(*ast.FuncDecl)
				if !ok || receiver(fn) == "" {
					continue
				}
				name := receiver(fn)
				if methods[name]++; in[name] == nil {
					in[name] = map[string]bool{}
				}
				in[name][f.name] = true
			}
		}
		for name, n := range methods {
			all = append(all, size{at + "." + name, n, len(in[name])})
		}
	}
	slices.SortFunc(all, func(a, b size) int {
		return cmp.Or(cmp.Compare(b.methods, a.methods), cmp.Compare(b.files, a.files), cmp.Compare(a.name, b.name))
	})
	return all
}

// reads and writes are names of functions that move bytes.
var (
	reads  = regexp.MustCompile(`^(?i:read|readv|recv\w*|fill|copy|copyn|splice\w*|drain)$`)
	writes = regexp.MustCompile(`^(?i:write|writev|send\w*|flush|copy|copyn|splice\w*|drain)$`)
)

// copyLoops returns the innermost loops of the proxy that call functions of both kinds.
func (c *checkout) copyLoops() []string {
	var all []string
	for _, f := range c.packages["proxy"] {
		ast.Inspect(f.File, func(n ast.Node) bool {
			loop, ok := n.(*ast.ForStmt)
			if !ok {
				return true
			}
			r, w := false, false
			ast.Inspect(loop.Body, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok {
					return true
				}
				name := ""
				switch f := call.Fun.(type) {
				case *ast.SelectorExpr:
					name = f.Sel.Name
				case *ast.Ident:
					name = f.Name
				}
				r, w = r || reads.MatchString(name), w || writes.MatchString(name)
				return true
			})
			if r && w {
				all = append(all, fmt.Sprint(c.fset.Position(loop.Pos())))
			}
			return true
		})
	}
	return all
}

// direct matches a line of go.mod that requires a module which the product itself imports.
var direct = regexp.MustCompile(`(?m)^\t(\S+ v[^\s]+)$`)

func (c *checkout) dependencies() []string {
	text, err := os.ReadFile(filepath.Join(c.dir, "go.mod"))
	if err != nil {
		return nil
	}
	var all []string
	for _, m := range direct.FindAllStringSubmatch(string(text), -1) {
		all = append(all, m[1])
	}
	return all
}

// sorted are the keys of a set.
func sorted(set map[string]bool) []string { return slices.Sorted(maps.Keys(set)) }
