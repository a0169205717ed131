package main

import (
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/internal/web/ui"
)

// A setting is a value of the configuration as text. It may hold secrets: shown has none.
type setting struct {
	key, value string
	instead    string // of the value, where that is secret
}

// settings are all values of a configuration, in the order of its keys. A list of words, and a mapping, is one value.
func (c *config) settings() []setting {
	var all []setting
	flatten(&all, "", reflect.ValueOf(c).Elem())
	return all
}

func flatten(all *[]setting, key string, v reflect.Value) {
	switch d, ok := v.Interface().(duration); {
	case ok:
		*all = append(*all, setting{key: key, value: d.String()})
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
		*all = append(*all, setting{key: key, value: strings.Join(words, ", ")})
	case v.Kind() == reflect.Map:
		var words, names []string
		for _, name := range sortedKeys(v) {
			words = append(words, fmt.Sprintf("%s: %v", name, v.MapIndex(reflect.ValueOf(name))))
			names = append(names, name+": ***")
		}
		is := setting{key: key, value: strings.Join(words, ", ")}
		if key == "forward.users" {
			is.instead = strings.Join(names, ", ")
		}
		*all = append(*all, is)
	default:
		*all = append(*all, setting{key: key, value: fmt.Sprint(v)})
	}
}

// sortedKeys are the keys of a mapping of words.
func sortedKeys(v reflect.Value) []string {
	names := map[string]bool{}
	for _, k := range v.MapKeys() {
		names[k.String()] = true
	}
	return slices.Sorted(maps.Keys(names))
}

var (
	userinfo = regexp.MustCompile(`://[^/?#\s]*@`)
	password = regexp.MustCompile(`(?i)\b([a-z]*password)\s*=\s*('[^']*'|[^&\s]*)`)
)

// shown is the value without secrets: users' passwords, credentials in URLs, and commands, which may have some.
func (s setting) shown() string {
	switch {
	case s.value == "":
	case s.instead != "":
		return s.instead
	case strings.HasSuffix(s.key, "identity.command"):
		return "***"
	}
	return password.ReplaceAllString(userinfo.ReplaceAllString(s.value, "://***@"), "$1=***")
}

// origin is where the value of a key comes from: default, a flag, a variable, or FILE:LINE:COLUMN.
func (o *origin) origin(key string) string {
	if o == nil {
		return ""
	}
	for _, name := range []string{key, strings.ReplaceAll(key, "_", "-"), strings.ReplaceAll(strings.Replace(key, "_tls.", "-", 1), "_", "-"), topOf(key)} {
		if from, ok := o.given[name]; ok && whole(name, key) {
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

// whole tells whether a flag or variable for name says what is at key: an address alone is not all of a mapping.
func whole(name, key string) bool {
	switch name {
	case "admin", "forward":
		return key == name+".listen"
	case "backend_tls":
		return key == name+".insecure"
	}
	return true
}

// byItself is the key under which an address may stand by itself.
func byItself(key string) string {
	if key == "admin.listen" || key == "forward.listen" {
		return topOf(key)
	}
	return key
}

// shownSettings is the configuration as it is shown.
func shownSettings(c *config) []ui.Setting {
	var all []ui.Setting
	for _, s := range c.settings() {
		all = append(all, ui.Setting{Key: s.key, Value: s.shown(), Origin: c.origin.origin(s.key)})
	}
	return all
}

// changes says what becomes different from one configuration to another, without secrets.
func changes(was, is *config) []ui.Change {
	before, after := map[string]setting{}, map[string]setting{}
	var keys []string
	for _, s := range was.settings() {
		before[s.key] = s
		keys = append(keys, s.key)
	}
	for _, s := range is.settings() {
		if after[s.key] = s; before[s.key].key == "" {
			keys = append(keys, s.key)
		}
	}
	var all []ui.Change
	for _, key := range keys {
		if before[key].value == after[key].value {
			continue
		}
		c := ui.Change{Key: key, Old: before[key].shown(), New: after[key].shown(), Held: len(unchangeable([]string{topOf(key)})) > 0}
		if c.Old == c.New {
			c.New += " (what is not shown has changed)"
		}
		all = append(all, c)
	}
	return all
}

// topOf is the key at the top that a key is in.
func topOf(key string) string { return key[:strings.IndexAny(key+".", ".[")] }
