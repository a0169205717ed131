package config

import (
	"encoding/json"
	"reflect"
	"strings"
)

// schema is a part of a JSON schema.
type schema struct {
	Schema      string             `json:"$schema,omitempty"`
	Title       string             `json:"title,omitempty"`
	Description string             `json:"description,omitempty"`
	Type        any                `json:"type,omitempty"`
	Enum        []string           `json:"enum,omitempty"`
	Pattern     string             `json:"pattern,omitempty"`
	Examples    []string           `json:"examples,omitempty"`
	Properties  map[string]*schema `json:"properties,omitempty"`
	Additional  any                `json:"additionalProperties,omitempty"`
	Items       *schema            `json:"items,omitempty"`
	AnyOf       []*schema          `json:"anyOf,omitempty"`
}

// Schema is a JSON schema (draft 7) of the configuration, for editors.
func Schema() []byte {
	keys := map[string]*Key{}
	for _, k := range Keys() {
		keys[k.Path] = &k
	}
	s := schemaOf(reflect.TypeFor[Config](), "", keys)
	s.Schema, s.Title = "http://json-schema.org/draft-07/schema#", "Configuration of Interlock"
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		panic(err) // every value in it can be marshalled
	}
	return append(text, '\n')
}

// schemaOf is the schema of the value at a path.
func schemaOf(t reflect.Type, path string, keys map[string]*Key) *schema {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	s := bareSchema(t, path, keys)
	if k := keys[path]; k != nil {
		s.Description = k.Text
		if k.Example != "" && s.Type == "string" {
			s.Examples = []string{strings.Trim(k.Example, `"`)}
		}
		if len(k.Values) > 0 {
			s.Enum = append([]string(nil), k.Values...)
			if k.Default == `""` {
				s.Enum = append(s.Enum, "")
			}
		}
	}
	return s
}

// bareSchema is a schema without a description.
func bareSchema(t reflect.Type, path string, keys map[string]*Key) *schema {
	text := &schema{Type: "string"}
	switch {
	case t == reflect.TypeFor[duration]():
		return &schema{Type: "string", Pattern: `^([0-9.]+(ns|us|ms|s|m|h))+$|^[0-9]+d$`}
	case t == reflect.TypeFor[size]():
		return &schema{Type: []string{"integer", "string"}, Pattern: `^[0-9.]+ ?(B|kB|KB|MB|GB|TB|KiB|MiB|GiB|TiB)?$`}
	case t == reflect.TypeFor[hostList]():
		return &schema{AnyOf: []*schema{text, {Type: "array", Items: text}}}
	case takesAddress(t):
		return &schema{AnyOf: []*schema{text, mappingSchema(t, path, keys)}}
	}
	switch t.Kind() {
	case reflect.String:
		return text
	case reflect.Bool:
		return &schema{Type: "boolean"}
	case reflect.Slice:
		return &schema{Type: "array", Items: schemaOf(t.Elem(), path+"[]", keys)}
	case reflect.Map:
		return &schema{Type: "object", Additional: text}
	case reflect.Struct:
		return mappingSchema(t, path, keys)
	}
	return &schema{Type: "integer"}
}

// mappingSchema is the schema of a mapping whose keys are known.
func mappingSchema(t reflect.Type, path string, keys map[string]*Key) *schema {
	if like := alike(path); like != "" {
		path = like
	}
	s := &schema{Type: "object", Properties: map[string]*schema{}, Additional: false}
	for _, name := range keysOf(t) {
		field, _ := fieldOf(t, name)
		s.Properties[name] = schemaOf(field, strings.TrimPrefix(path+"."+name, "."), keys)
	}
	return s
}
