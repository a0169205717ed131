package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// A Key is a key of the configuration, as the reference, the JSON schema and the annotated file show it.
type Key struct {
	Path    string   // such as limits.dial; routes[].name for a key of each element of a list
	Text    string   // its purpose, in whole sentences
	Type    string   // text, number, true or false, duration, size, list, mapping, address or mapping, list or word
	Values  []string // its possible values, if they are few
	Example string   // of a value, in YAML
	Flag    string   // the flag of serve; empty: none
	Default string   // in YAML; empty for mappings with keys of their own
	Depth   int      // the number of keys that contain it
	Group   bool     // it is a mapping whose keys follow
	Like    string   // the path of another key with the same subkeys, which are described there
	Reload  bool     // a reload applies it; otherwise a restart does
}

// Name is the last part of the path.
func (k *Key) Name() string { return k.Path[strings.LastIndex(k.Path, ".")+1:] }

// Unit is the unit of the value.
func (k *Key) Unit() string {
	switch k.Type {
	case "duration":
		return "ns, us, ms, s, m, h, d"
	case "size":
		return "bytes, kB, MB, GB, KiB, MiB, GiB"
	}
	return ""
}

// Keys returns all keys, in the order of the annotated file.
func Keys() []Key {
	defaults := Defaults()
	var all []Key
	for _, d := range described() {
		t, v, ok := lookUp(reflect.ValueOf(&defaults).Elem(), d.path)
		if !ok {
			panic("there is no key " + d.path) // a mistake in the program
		}
		k := Key{
			Path: d.path, Text: d.text, Values: d.values, Example: d.example, Flag: d.flag, Type: typeName(t),
			Depth: strings.Count(d.path, "."), Group: groups(t) && alike(d.path) == "", Like: alike(d.path), Reload: len(Unchangeable([]string{TopOf(d.path)})) == 0,
		}
		switch {
		case k.Like != "":
			k.Default = "{}"
		case !k.Group:
			k.Default = defaultText(t, v)
		}
		all = append(all, k)
	}
	return all
}

// lookUp is the type and, unless it is in a list, the value of a key.
func lookUp(v reflect.Value, path string) (reflect.Type, reflect.Value, bool) {
	t := v.Type()
	for part := range strings.SplitSeq(path, ".") {
		name, element := strings.CutSuffix(part, "[]")
		for t.Kind() == reflect.Pointer {
			t, v = t.Elem(), reflect.Value{}
		}
		i := slices.IndexFunc(reflect.VisibleFields(t), func(f reflect.StructField) bool { return f.Tag.Get("yaml") == name })
		if i < 0 {
			return nil, v, false
		}
		t = t.Field(i).Type
		if v.IsValid() {
			v = v.Field(i)
		}
		if element {
			t, v = t.Elem(), reflect.Value{}
		}
	}
	return t, v, true
}

// groups reports whether the keys of a mapping are described one by one.
func groups(t reflect.Type) bool {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.Kind() == reflect.Struct && !isScalar(t)
}

// typeName describes the form of a value in one to three words.
func typeName(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[duration]():
		return "duration"
	case t == reflect.TypeFor[size]():
		return "size"
	case t == reflect.TypeFor[hostList]():
		return "list or word"
	case takesAddress(t):
		return "address or mapping"
	}
	switch t.Kind() {
	case reflect.String:
		return "text"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice:
		return "list"
	case reflect.Map, reflect.Struct, reflect.Pointer:
		return "mapping"
	}
	return "number"
}

// defaultText is a default in YAML.
func defaultText(t reflect.Type, v reflect.Value) string {
	if !v.IsValid() {
		v = reflect.New(t).Elem()
	}
	switch {
	case t.Kind() == reflect.Map:
		return "{}"
	case t.Kind() == reflect.Slice:
		if words, ok := v.Interface().(hostList); ok && len(words) == 1 {
			return words[0]
		}
		return "[]"
	case t.Kind() == reflect.String && (v.String() == "" || v.String() == "off"):
		return fmt.Sprintf("%q", v.String()) // older YAML readers would read off as false
	}
	return fmt.Sprint(v.Interface())
}

// undescribed returns the paths of keys without a description. A test checks that there are none.
func undescribed() (missing []string) {
	known := map[string]bool{}
	for _, d := range described() {
		known[d.path] = true
	}
	var compare func(t reflect.Type, path string)
	compare = func(t reflect.Type, path string) {
		for t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		if t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Struct {
			t, path = t.Elem(), path+"[]"
		}
		if path != "" && !strings.HasSuffix(path, "[]") && !known[path] {
			missing = append(missing, path)
		}
		if t.Kind() != reflect.Struct || isScalar(t) || alike(path) != "" || path == "tls.certificates[]" {
			return
		}
		for _, name := range keysOf(t) {
			f, _ := fieldOf(t, name)
			compare(f, strings.TrimPrefix(path+"."+name, "."))
		}
	}
	compare(reflect.TypeFor[Config](), "")
	return missing
}

// alike returns the path of the key with the same subkeys; empty if the subkeys are described here.
func alike(path string) string {
	switch path {
	case "forward.backend_tls", "routes[].backend_tls":
		return "backend_tls"
	case "listeners[].tls":
		return "tls"
	case "routes[].rules":
		return "rules"
	}
	return ""
}
