// Package recipe reads how the servers of the scoreboard are installed and started.
package recipe

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

// File is the name of a recipe in its folder.
const File = "recipe.yaml"

// A Recipe says how one server is installed and started. Its folder is named by its ID, and holds the
// source of the server. In Build, Command, Environment and Configuration, @PORT@ is replaced by a free
// port of 127.0.0.1, @DIR@ by an empty folder, @RECIPE@ by the folder of the recipe, and @CONFIG@ by the
// file with Configuration.
type Recipe struct {
	ID       string  `yaml:"id"`
	Name     string  `yaml:"name"`     // as its makers write it
	Language string  `yaml:"language"` // that the server is written in
	Home     string  `yaml:"home"`     // URL
	Version  Version `yaml:"version"`
	Note     string  `yaml:"note"` // for the page, such as the library that does the handshake

	Install       []string          `yaml:"install"`       // Debian packages beside that of the version
	Files         []string          `yaml:"files"`         // source, relative to the folder
	Build         []string          `yaml:"build"`         // command that runs first; empty: none
	Command       []string          `yaml:"command"`       // without @PORT@, the server prints its port and ends with its standard input
	Configuration string            `yaml:"configuration"` // text of the file @CONFIG@
	Environment   map[string]string `yaml:"environment"`

	Endpoint    string `yaml:"endpoint"`    // path of the WebSocket
	Subprotocol string `yaml:"subprotocol"` // that the server requires; empty: none
	Ready       Ready  `yaml:"ready"`       // when probes may be sent

	dir string
}

// A Version says where a server is from and who knows its version. One of the first three fields is
// set.
type Version struct {
	Debian string `yaml:"debian"` // name of the package
	NPM    string `yaml:"npm"`    // name of the package, in the folder of the recipe
	Go     string `yaml:"go"`     // path of the module, which go.mod in the folder requires

	Command []string `yaml:"command"` // prints the version, where the package has another one
}

// Source is where the server is from, as the results have it.
func (v Version) Source() string {
	switch {
	case v.Debian != "":
		return "Debian"
	case v.NPM != "":
		return "npm"
	}
	return "Go module"
}

// Ready is when a server may be probed.
type Ready string

// The ready conditions.
const (
	Listens  Ready = "listens"  // it accepts TCP connections
	Switches Ready = "switches" // it answers a valid handshake with a 101
)

// Dir is the folder of the recipe, as an absolute path.
func (r *Recipe) Dir() string { return r.dir }

// Packages are the Debian packages that the recipe needs.
func (r *Recipe) Packages() []string {
	if r.Version.Debian != "" {
		return append([]string{r.Version.Debian}, r.Install...)
	}
	return r.Install
}

// Asks reports whether the server is told its port.
func (r *Recipe) Asks() bool {
	told := func(text string) bool { return strings.Contains(text, "@PORT@") }
	if slices.ContainsFunc(r.Command, told) || told(r.Configuration) {
		return true
	}
	for _, value := range r.Environment {
		if told(value) {
			return true
		}
	}
	return false
}

// All reads the recipes in the folders of a folder, by ID.
func All(folder string) ([]*Recipe, error) {
	folder, err := filepath.Abs(folder)
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	var all []*Recipe
	for _, e := range entries {
		if e.IsDir() {
			r, err := read(filepath.Join(folder, e.Name()))
			if err != nil {
				return nil, err
			}
			all = append(all, r)
		}
	}
	return all, nil
}

// read reads the recipe in a folder, and refuses what it does not understand.
func read(dir string) (*Recipe, error) {
	path := filepath.Join(dir, File)
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	r := &Recipe{Endpoint: "/", Ready: Switches, dir: dir}
	if err := yaml.UnmarshalWithOptions(text, r, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if err := r.check(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}

func (r *Recipe) check() error {
	sources := 0
	for _, name := range []string{r.Version.Debian, r.Version.NPM, r.Version.Go} {
		if name != "" {
			sources++
		}
	}
	switch {
	case r.ID != filepath.Base(r.dir):
		return fmt.Errorf("id %q, and the folder is %q", r.ID, filepath.Base(r.dir))
	case !regexp.MustCompile(`^[a-z0-9][a-z0-9-]*$`).MatchString(r.ID):
		return fmt.Errorf("id %q must be of lower case letters, digits and hyphens", r.ID)
	case r.Name == "" || r.Language == "" || !strings.HasPrefix(r.Home, "https://"):
		return errors.New("name, language and home (https) are required")
	case sources != 1:
		return errors.New("version must have one of debian, npm and go")
	case len(r.Command) == 0:
		return errors.New("command is required")
	case !strings.HasPrefix(r.Endpoint, "/"):
		return fmt.Errorf("endpoint %q must be a path", r.Endpoint)
	case r.Ready != Listens && r.Ready != Switches:
		return fmt.Errorf("ready must be listens or switches, not %q", r.Ready)
	}
	for _, name := range r.needs() {
		if _, err := os.Stat(filepath.Join(r.dir, name)); err != nil {
			return err
		}
	}
	return nil
}

// needs are the files that must be there.
func (r *Recipe) needs() []string {
	switch {
	case r.Version.NPM != "":
		return append([]string{"package.json", "package-lock.json"}, r.Files...)
	case r.Version.Go != "":
		return append([]string{"go.mod", "go.sum"}, r.Files...)
	}
	return r.Files
}
