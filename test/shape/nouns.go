package main

import (
	"fmt"
	"go/ast"
	"go/token"
	"regexp"
	"strings"
	"unicode"
)

// private are the nouns that CONVENTIONS (Language) took out of the code. Those that are false are
// everyday words too, and are looked for in identifiers only.
var private = map[string]bool{
	"lane": true, "leg": true, "flow": true, "stride": true, "carrier": true, "noting": true, "door": true, "ledger": true,
	"picture": true, "keeping": true, "trial": true, "visit": true, "rung": true,
	"way": false, "named": false, "listed": false,
}

var word = regexp.MustCompile(`[A-Za-z]+`)

// singular is a word in lower case, without the end of a plural.
func singular(word string) string {
	word = strings.ToLower(word)
	if one := strings.TrimSuffix(word, "s"); one != word {
		if _, known := private[one]; known {
			return one
		}
	}
	return word
}

// nouns are the places of declared identifiers and of comments with a private noun in them.
func (c *checkout) nouns() (identifiers, comments []string) {
	for at, files := range c.packages {
		if strings.HasPrefix(at, "test/shape") {
			continue
		}
		for _, f := range files {
			for _, i := range declared(f.File) {
				for _, part := range parts(i.Name) {
					if _, known := private[singular(part)]; known {
						identifiers = append(identifiers, fmt.Sprintf("%s: %s", c.fset.Position(i.Pos()), i.Name))
						break
					}
				}
			}
			for _, group := range f.Comments {
				for _, w := range word.FindAllString(group.Text(), -1) {
					if private[singular(w)] {
						comments = append(comments, fmt.Sprintf("%s: %s", c.fset.Position(group.Pos()), w))
					}
				}
			}
		}
	}
	return identifiers, comments
}

// declared are the identifiers that a file declares: functions, types, fields, parameters and
// variables.
func declared(f *ast.File) (all []*ast.Ident) {
	define := func(tok token.Token, exprs ...ast.Expr) {
		for _, e := range exprs {
			if i, ok := e.(*ast.Ident); ok && tok == token.DEFINE {
				all = append(all, i)
			}
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			all = append(all, n.Name)
		case *ast.TypeSpec:
			all = append(all, n.Name)
		case *ast.Field:
			all = append(all, n.Names...)
		case *ast.ValueSpec:
			all = append(all, n.Names...)
		case *ast.AssignStmt:
			define(n.Tok, n.Lhs...)
		case *ast.RangeStmt:
			define(n.Tok, n.Key, n.Value)
		}
		return true
	})
	return all
}

// parts are the words of an identifier.
func parts(name string) []string {
	var all []string
	from := 0
	for i, r := range name {
		if unicode.IsUpper(r) && i > 0 {
			all = append(all, name[from:i])
			from = i
		}
	}
	return append(all, name[from:])
}
