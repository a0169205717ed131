package schemas

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os/exec"
	"path"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	_ "github.com/traefik/traefik/v3/pkg/ip" // so that go.mod names the module whose source is read
	"sigs.k8s.io/yaml"
)

const traefik = "github.com/traefik/traefik/v3"

// TestTraefikConfigurations checks the keys and the kinds of values of the configurations on the page
// against the types in the source of Traefik, which is not built: some of its dependencies are not
// modules.
func TestTraefikConfigurations(t *testing.T) {
	for kind, root := range map[string]string{"static": "pkg/config/static", "dynamic": "pkg/config/dynamic"} {
		s := source{t: t, dir: traefikDir(t), files: map[string][]*ast.File{}}
		for i, text := range printed(t, "with-traefik.md", "test=TestTraefikConfigurations "+kind) {
			if err := s.check(root, text); err != nil {
				t.Errorf("%s, block %d: %v", kind, i, err)
			}
			for _, wrong := range [][2]string{
				{"entryPoints:", "entrypoint:"}, {"address: ", "adr: "}, {"trustedIPs: [127.0.0.1/32]", "trustedIPs: 127.0.0.1/32"},
				{"filename: ", "watch: "}, {"servers:", "server:"}, {"keyFile: ", "keyfil: "}, {"url: ", "weight: "}, {"tls: {}", "tls: []"},
			} {
				changed := strings.Replace(text, wrong[0], wrong[1], 1)
				if err := s.check(root, changed); changed != text && err == nil {
					t.Errorf("%s, block %d: %q is not found", kind, i, wrong[1])
				}
			}
		}
	}
}

func traefikDir(t *testing.T) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", traefik).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// A source is the source of a module.
type source struct {
	t     *testing.T
	dir   string
	files map[string][]*ast.File // by package, as a path within the module
}

// check compares a document with the type Configuration of a package.
func (s *source) check(pkg, text string) error {
	var document any
	if err := yaml.UnmarshalStrict([]byte(text), &document); err != nil {
		return err
	}
	return s.named(pkg, "Configuration", document, "")
}

// parsed returns the files of a package.
func (s *source) parsed(pkg string) []*ast.File {
	if s.files[pkg] == nil {
		names, _ := filepath.Glob(filepath.Join(s.dir, pkg, "*.go"))
		for _, name := range names {
			f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
			if err != nil {
				s.t.Fatal(err)
			}
			s.files[pkg] = append(s.files[pkg], f)
		}
	}
	return s.files[pkg]
}

// declared returns the type of a package, and the file that it is in.
func (s *source) declared(pkg, name string) (*ast.File, ast.Expr) {
	for _, f := range s.parsed(pkg) {
		for _, d := range f.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok {
				continue
			}
			for _, spec := range g.Specs {
				if found, ok := spec.(*ast.TypeSpec); ok && found.Name.Name == name {
					return f, found.Type
				}
			}
		}
	}
	return nil, nil
}

// named compares a value with a type of a package.
func (s *source) named(pkg, name string, value any, at string) error {
	f, e := s.declared(pkg, name)
	if f == nil {
		return fmt.Errorf("%s: the type %s.%s is not found", at, pkg, name)
	}
	return s.typed(pkg, f, e, value, at)
}

// typed compares a value with the type that an expression in a file names.
func (s *source) typed(pkg string, f *ast.File, e ast.Expr, value any, at string) error {
	wrong := fmt.Errorf("%s: %v is not of its kind", at, value)
	switch e := e.(type) {
	case *ast.StarExpr:
		return s.typed(pkg, f, e.X, value, at)
	case *ast.Ident:
		if ast.IsExported(e.Name) {
			return s.named(pkg, e.Name, value, at)
		}
		return basic(e.Name, value, wrong)
	case *ast.SelectorExpr:
		where, name := imported(f, e.X.(*ast.Ident).Name), e.Sel.Name
		switch inner, ok := strings.CutPrefix(where, traefik+"/"); {
		case ok:
			return s.named(inner, name, value, at)
		case where == "github.com/traefik/paerser/types" && name == "Duration":
			return basic("Duration", value, wrong)
		}
		return fmt.Errorf("%s: the type %s.%s is not known", at, where, name)
	case *ast.ArrayType:
		list, ok := value.([]any)
		if !ok {
			return wrong
		}
		var failed []error
		for i, each := range list {
			failed = append(failed, s.typed(pkg, f, e.Elt, each, fmt.Sprintf("%s[%d]", at, i)))
		}
		return errors.Join(failed...)
	case *ast.MapType:
		mapping, ok := value.(map[string]any)
		if !ok {
			return wrong
		}
		var failed []error
		for key, each := range mapping {
			failed = append(failed, s.typed(pkg, f, e.Value, each, at+"."+key))
		}
		return errors.Join(failed...)
	case *ast.StructType:
		return s.structure(pkg, f, e, value, at)
	}
	return fmt.Errorf("%s: %T is not known", at, e)
}

// structure compares a mapping with a struct: each key must be that of a field.
func (s *source) structure(pkg string, f *ast.File, e *ast.StructType, value any, at string) error {
	mapping, ok := value.(map[string]any)
	if !ok {
		return fmt.Errorf("%s: %v is not a mapping", at, value)
	}
	keys := s.keys(pkg, e)
	var failed []error
	for key, each := range mapping {
		field, ok := keys[key]
		if !ok {
			failed = append(failed, fmt.Errorf("%s has no key %s", at, key))
			continue
		}
		failed = append(failed, s.typed(pkg, f, field, each, at+"."+key))
	}
	return errors.Join(failed...)
}

// keys returns the types of the keys of a struct, with those of structs of the same package that are
// embedded in it.
func (s *source) keys(pkg string, e *ast.StructType) map[string]ast.Expr {
	keys := map[string]ast.Expr{}
	for _, field := range e.Fields.List {
		if field.Tag == nil {
			continue
		}
		tag, _ := strconv.Unquote(field.Tag.Value)
		key, option, _ := strings.Cut(reflect.StructTag(tag).Get("yaml"), ",")
		name, isName := field.Type.(*ast.Ident)
		switch {
		case option == "inline" && isName:
			if _, inner := s.declared(pkg, name.Name); inner != nil {
				maps.Copy(keys, s.keys(pkg, inner.(*ast.StructType)))
			}
		case key != "" && key != "-":
			keys[key] = field.Type
		}
	}
	return keys
}

// imported returns the path of the package that a file calls by a name.
func imported(f *ast.File, name string) string {
	for _, i := range f.Imports {
		where, _ := strconv.Unquote(i.Path.Value)
		if i.Name != nil && i.Name.Name == name || i.Name == nil && path.Base(where) == name {
			return where
		}
	}
	return ""
}

// basic compares a value with a type of Go, or a duration.
func basic(name string, value any, wrong error) error {
	ok := false
	switch name {
	case "string":
		_, ok = value.(string)
	case "bool":
		_, ok = value.(bool)
	case "Duration":
		text, isText := value.(string)
		_, err := time.ParseDuration(text)
		ok = isText && err == nil
	default:
		_, ok = value.(float64)
	}
	if !ok {
		return wrong
	}
	return nil
}
