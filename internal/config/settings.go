package config

import (
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// Unchangeable returns those of the keys that only a restart changes.
func Unchangeable(keys []string) []string {
	var fixed []string
	for _, key := range keys {
		switch key {
		case "backend", "backend_tls", "dial", "frames", "host", "guard", "send_proxy", "routes", "unrouted", "redact", "rules", "probes", "accept", "expect":
		default:
			fixed = append(fixed, key)
		}
	}
	return fixed
}

// A Setting is a value of the configuration as text. It may hold secrets: shown has none.
type Setting struct {
	Key, Value string
	instead    string // replaces the value in output if the value is secret
}

// Settings returns all values of a configuration, in the order of its keys. A list of words and a
// mapping are each one value.
func (c *Config) Settings() []Setting {
	var all []Setting
	flatten(&all, "", reflect.ValueOf(c).Elem())
	return all
}

func flatten(all *[]Setting, key string, v reflect.Value) {
	switch d, ok := v.Interface().(duration); {
	case ok:
		*all = append(*all, Setting{Key: key, Value: d.String()})
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			name := v.Type().Field(i).Tag.Get("yaml")
			if name == "" || name == "-" {
				continue
			}
			if key != "" {
				name = key + "." + name
			}
			flatten(all, name, v.Field(i))
		}
	case v.Kind() == reflect.Pointer:
		if !v.IsNil() {
			flatten(all, key, v.Elem())
		}
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Struct && v.Len() > 0:
		for i := range v.Len() {
			flatten(all, fmt.Sprintf("%s[%d]", key, i), v.Index(i))
		}
	case v.Kind() == reflect.Slice:
		var words []string
		for i := range v.Len() {
			words = append(words, fmt.Sprint(v.Index(i)))
		}
		*all = append(*all, Setting{Key: key, Value: strings.Join(words, ", ")})
	case v.Kind() == reflect.Map:
		var words, names []string
		for _, name := range sortedKeys(v) {
			words = append(words, fmt.Sprintf("%s: %v", name, v.MapIndex(reflect.ValueOf(name))))
			names = append(names, name+": ***")
		}
		is := Setting{Key: key, Value: strings.Join(words, ", ")}
		if key == "forward.users" {
			is.instead = strings.Join(names, ", ")
		}
		*all = append(*all, is)
	default:
		*all = append(*all, Setting{Key: key, Value: fmt.Sprint(v)})
	}
}

// sortedNames are the keys of a mapping, in order.
func sortedNames[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// sortedKeys are the keys of a mapping of words.
func sortedKeys(v reflect.Value) []string {
	names := map[string]bool{}
	for _, k := range v.MapKeys() {
		names[k.String()] = true
	}
	return slices.Sorted(maps.Keys(names))
}

var (
	secretKey = regexp.MustCompile(`(?i)token|secret|passw|users|identity|_key|apikey|^\s*command`)
	userinfo  = regexp.MustCompile(`://[^/?#\s]*@`)
	password  = regexp.MustCompile(`(?i)\b([a-z]*password)\s*=\s*('[^']*'|[^&\s]*)`)
)

// Shown returns the value without secrets: passwords of users, credentials in URLs, and commands,
// which may contain some.
func (s Setting) Shown() string {
	switch {
	case s.Value == "":
	case s.instead != "":
		return s.instead
	case strings.HasSuffix(s.Key, "identity.command"):
		return "***"
	}
	return password.ReplaceAllString(userinfo.ReplaceAllString(s.Value, "://***@"), "$1=***")
}

// Source returns the origin of a key's value: default, a flag, a variable, or FILE:LINE:COLUMN.
func (o *Origin) Source(key string) string {
	if o == nil {
		return ""
	}
	for _, name := range []string{key, strings.ReplaceAll(key, "_", "-"), strings.ReplaceAll(strings.Replace(key, "_tls.", "-", 1), "_", "-"), TopOf(key)} {
		if from, ok := o.Given[name]; ok && whole(name, key) {
			return from
		}
	}
	for _, name := range []string{key, byItself(key)} {
		if at := o.of(name); at != name {
			return strings.TrimSuffix(at, ": "+name)
		}
	}
	return "default"
}

// whole reports whether a flag or variable sets all of a key: a bare address is only part of a
// mapping.
func whole(name, key string) bool {
	switch name {
	case "admin", "forward":
		return key == name+".listen"
	case "backend_tls":
		return key == name+".insecure"
	}
	return true
}

// byItself returns the key that a bare address sets.
func byItself(key string) string {
	if key == "admin.listen" || key == "forward.listen" {
		return TopOf(key)
	}
	return key
}

// TopOf returns the top-level key that contains a key.
func TopOf(key string) string { return key[:strings.IndexAny(key+".", ".[")] }
