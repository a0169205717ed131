package config

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"github.com/interlock-proxy/interlock/internal/exit"
)

// Origin records where the values of a configuration come from, for errors.
type Origin struct {
	name  string            // of the file; empty if there is none
	lines []string          // of the file
	tree  *ast.File         // the parsed file, without the parts that have the wrong form
	Given map[string]string // for each key set by a flag or a variable, the name of that

	faults Faults          // keys that do not exist, and values of the wrong form
	known  map[string]bool // keys whose value is reported in faults already
}

// Read reads a file over c. The error is about a file that cannot be read or is not YAML. Check and
// Faults report all other errors in it.
func (o *Origin) Read(name string, c *Config) error {
	c.File, c.Stamp = name, StampOf(name)
	return o.parse(name, c)
}

// Faults returns the unknown keys of the file and the values of the wrong form.
func (o *Origin) Faults() Faults { return append(Faults(nil), o.faults...) }

// parse decodes a file over the value of into.
func (o *Origin) parse(name string, into any) error {
	text, err := os.ReadFile(name)
	if err != nil {
		return exit.Usage("read configuration: %w", err)
	}
	if !utf8.Valid(text) || bytes.IndexByte(text, 0) >= 0 {
		return exit.Usage("%s: it is not a text in UTF-8; a configuration file is YAML, and interlock init writes one", name)
	}
	o.name, o.lines = name, strings.Split(string(text), "\n")
	o.tree, err = parser.ParseBytes(text, 0)
	if err != nil {
		return exit.Usage("%s", o.describe(err))
	}
	if o.empty() {
		return nil // it would be a configuration with only zero values
	}
	if len(o.tree.Docs) > 1 {
		return exit.Usage("%s: the file has %d YAML documents; put all keys into one", name, len(o.tree.Docs))
	}
	body := o.tree.Docs[0].Body
	if !o.walk(body, reflect.TypeOf(into).Elem(), "") {
		return nil
	}
	if err := yaml.NodeToValue(body, into, yaml.AllowDuplicateMapKey()); err != nil {
		return exit.Usage("%s", o.describe(err))
	}
	return nil
}

// describe returns FILE:LINE:COLUMN, the fault, and the line.
func (o *Origin) describe(err error) string {
	var at yaml.Error
	if !errors.As(err, &at) {
		return fmt.Sprintf("%s: %v", o.name, err)
	}
	message := at.GetMessage()
	if strings.Contains(message, " Go ") {
		message = "the value has the wrong form" // the original message names Go types
	}
	token := at.GetToken()
	if token == nil || token.Position == nil {
		return o.name + ": " + message
	}
	return o.at(token.Position.Line, token.Position.Column, message)
}

// at returns FILE:LINE:COLUMN, the fault there, and the line.
func (o *Origin) at(line, column int, text string) string {
	place := fmt.Sprintf("%s:%d:%d: %s", o.name, line, column, text)
	if line < 1 || line > len(o.lines) {
		return place
	}
	return fmt.Sprintf("%s\n  %d | %s", place, line, withoutSecrets(o.lines[line-1]))
}

// withoutSecrets returns a line of the file without secrets, because reload errors are logged.
func withoutSecrets(line string) string {
	if found := secretKey.FindStringIndex(line); found != nil {
		before, after := line[:found[1]], line[found[1]:]
		rest, _, _ := strings.Cut(after, ":")
		return before + rest + ": ***"
	}
	line = password.ReplaceAllString(userinfo.ReplaceAllString(line, "://***@"), "$1=***")
	line = strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' || r == 0x7f {
			return '?'
		}
		return r
	}, strings.TrimRight(line, "\r"))
	if most := 100; len(line) > most {
		return strings.ToValidUTF8(line[:most], "") + " ..."
	}
	return line
}

// empty reports whether the file has only comments.
func (o *Origin) empty() bool {
	for _, d := range o.tree.Docs {
		if d.Body != nil && d.Body.Type() != ast.CommentType && d.Body.Type() != ast.NullType && d.Body.Type() != ast.CommentGroupType {
			return false
		}
	}
	return true
}

// position returns the line and column of a key's value in the file; 0 if the file does not have
// it.
func (o *Origin) position(key string) (line, column int) {
	path, err := yaml.PathString("$." + key)
	if err != nil || o.tree == nil {
		return 0, 0
	}
	node, err := path.FilterFile(o.tree)
	if err != nil || node == nil || node.GetToken() == nil {
		return 0, 0
	}
	p := node.GetToken().Position
	return p.Line, p.Column
}

// of returns the place of a key's value.
func (o *Origin) of(key string) string {
	if name, ok := o.Given[key]; ok {
		return name
	}
	if line, column := o.position(key); line > 0 {
		return fmt.Sprintf("%s:%d:%d: %s", o.name, line, column, key)
	}
	return key
}
