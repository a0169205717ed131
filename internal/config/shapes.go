package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// walk compares a node of the file with the type of its value. It reports unknown keys and values
// of the wrong form, and removes them from mappings, so that the rest can be decoded. It returns
// false if the node itself cannot be decoded.
func (o *Origin) walk(node ast.Node, t reflect.Type, path string) bool {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch n := node.(type) {
	case *ast.AnchorNode:
		return o.walk(n.Value, t, path)
	case *ast.TagNode:
		return o.walk(n.Value, t, path)
	case *ast.AliasNode, *ast.NullNode, nil:
		return true // the alias's anchor was checked
	case *ast.MappingNode:
		return o.walkMapping(n, t, path)
	case *ast.SequenceNode:
		return o.walkList(n, t, path)
	}
	if text := wrongScalar(node, t); text != "" {
		return o.wrong(node, path, text)
	}
	return true
}

// wrong reports a value of the wrong form.
func (o *Origin) wrong(node ast.Node, path, text string) bool {
	p := node.GetToken().Position
	o.report(path, fault{p.Line, o.at(p.Line, p.Column, strings.TrimPrefix(path+": ", ": ")+text)})
	return false
}

func (o *Origin) report(path string, f fault) {
	if o.known == nil {
		o.known = map[string]bool{}
	}
	o.known[path] = true
	o.faults = append(o.faults, f)
}

// walkMapping is walk for a mapping.
func (o *Origin) walkMapping(n *ast.MappingNode, t reflect.Type, path string) bool {
	if t.Kind() != reflect.Struct && t.Kind() != reflect.Map || isScalar(t) {
		return o.wrong(n, path, mustBe(t)+", not a mapping of keys")
	}
	n.Values = slices.DeleteFunc(n.Values, func(v *ast.MappingValueNode) bool {
		name := keyText(v.Key)
		below := strings.TrimPrefix(path+"."+name, ".")
		switch {
		case name == "<<":
			return false
		case t.Kind() == reflect.Map:
			return !o.walk(v.Value, t.Elem(), below)
		}
		field, ok := fieldOf(t, name)
		if !ok {
			o.unknown(v.Key, t, path, name)
			return true
		}
		return !o.walk(v.Value, field, below)
	})
	slices.SortStableFunc(n.Values, func(a, b *ast.MappingValueNode) int { return isMerge(b) - isMerge(a) }) // own keys win
	return true
}

// walkList is walk for a list. If a part that is not a mapping has the wrong form, the list as a whole cannot be read.
func (o *Origin) walkList(n *ast.SequenceNode, t reflect.Type, path string) bool {
	if t.Kind() != reflect.Slice {
		return o.wrong(n, path, mustBe(t)+", not a list")
	}
	ok := true
	for i, each := range n.Values {
		ok = o.walk(each, t.Elem(), fmt.Sprintf("%s[%d]", path, i)) && ok
	}
	if !ok {
		o.known[path] = true
	}
	return ok
}

// unknown reports a key that does not exist.
func (o *Origin) unknown(key ast.MapKeyNode, t reflect.Type, path, name string) {
	text := fmt.Sprintf("unknown key %q", name)
	suggested := nearest(name, keysOf(t))
	if len(suggested) == 0 {
		for _, k := range Keys() {
			if strings.HasSuffix(k.Path, "."+name) && !strings.Contains(k.Path, "[]") {
				text += fmt.Sprintf("; it belongs under %s", strings.TrimSuffix(k.Path, "."+name))
				break
			}
		}
	} else {
		text += fmt.Sprintf("; did you mean %s?", strings.Join(suggested, " or "))
	}
	p := key.GetToken().Position
	at := fault{p.Line, o.at(p.Line, p.Column, text)}
	if i := strings.LastIndex(at.text, name+":"); i > 0 {
		at.text = at.text[:i] + name + ": ..." // the key may be a misspelt name of a secret
	}
	o.report(strings.TrimPrefix(path+"."+name, "."), at)
	for _, each := range suggested {
		o.known[strings.TrimPrefix(path+"."+each, ".")] = true // so that it is not also reported as missing
	}
}

// isMerge returns 1 for a key that merges another mapping, and 0 for others.
func isMerge(v *ast.MappingValueNode) int {
	if keyText(v.Key) == "<<" {
		return 1
	}
	return 0
}

// keyText is the name of a key.
func keyText(key ast.MapKeyNode) string {
	if s, ok := key.(*ast.StringNode); ok {
		return s.Value
	}
	return strings.Trim(key.GetToken().Value, `"'`)
}

// fieldOf is the type of the value of a key.
func fieldOf(t reflect.Type, name string) (reflect.Type, bool) {
	for i := range t.NumField() {
		if tag := t.Field(i).Tag.Get("yaml"); tag == name && tag != "-" && tag != "" {
			return t.Field(i).Type, true
		}
	}
	return nil, false
}

// keysOf are the keys of a mapping.
func keysOf(t reflect.Type) (all []string) {
	for i := range t.NumField() {
		if tag := t.Field(i).Tag.Get("yaml"); tag != "" && tag != "-" {
			all = append(all, tag)
		}
	}
	return all
}

// isScalar reports whether a struct is written as one value.
func isScalar(t reflect.Type) bool { return t == reflect.TypeFor[duration]() }

// takesAddress reports whether a mapping may be written as a single address.
func takesAddress(t reflect.Type) bool {
	return t == reflect.TypeFor[adminConfig]() || t == reflect.TypeFor[ForwardConfig]()
}

// mustBe describes the form of a type's values.
func mustBe(t reflect.Type) string { return "must be " + formOf(t) }

func formOf(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[duration]():
		return "a duration with a unit, such as 10s, 5m or 30d"
	case t == reflect.TypeFor[size]():
		return "a number of bytes, or a size such as 64MiB"
	case t == reflect.TypeFor[hostList]():
		return "a list, or one word"
	case takesAddress(t):
		return "an address, or a mapping of keys"
	}
	switch t.Kind() {
	case reflect.String:
		return "text"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice:
		return "a list"
	case reflect.Map, reflect.Struct:
		return "a mapping of keys"
	}
	return "a whole number"
}

// wrongScalar describes the fault of a scalar; empty if there is none.
func wrongScalar(node ast.Node, t reflect.Type) string {
	text := strings.TrimSpace(node.GetToken().Value)
	ok := false
	switch {
	case t == reflect.TypeFor[duration]():
		_, err := parseDuration(text)
		ok = err == nil
	case t == reflect.TypeFor[size]():
		_, err := parseSize(text)
		ok = err == nil
	case t == reflect.TypeFor[hostList](), takesAddress(t):
		ok = node.Type() == ast.StringType
	case t.Kind() == reflect.String:
		ok = node.Type() != ast.BoolType
	case t.Kind() == reflect.Bool:
		ok = node.Type() == ast.BoolType
	case t.Kind() == reflect.Slice, t.Kind() == reflect.Struct, t.Kind() == reflect.Map:
	default:
		ok = node.Type() == ast.IntegerType && len(text) < 19
	}
	if ok {
		return ""
	}
	return fmt.Sprintf("%s, not %q", mustBe(t), text)
}
