package config

import (
	"os"
	"path/filepath"
	"strconv"

	"github.com/goccy/go-yaml"

	"github.com/interlock-proxy/interlock/internal/report"
)

// InTree returns the path of a file relative to the working directory, if the file is below it.
func InTree(name string) string {
	if !filepath.IsAbs(name) {
		return name
	}
	if dir, err := os.Getwd(); err == nil {
		if below, err := filepath.Rel(dir, name); err == nil && filepath.IsLocal(below) {
			return below
		}
	}
	return name
}

// RouteLines returns the lines of the configuration file with the backends of the routes.
func (c *Config) RouteLines() (map[string]report.Location, error) {
	if c.File == "" {
		return nil, nil
	}
	var o Origin
	if err := o.parse(c.File, new(Config)); err != nil {
		return nil, err
	}
	lines := map[string]report.Location{}
	enter := func(name, key string) {
		path, err := yaml.PathString("$." + key)
		if err != nil {
			return
		}
		if node, err := path.FilterFile(o.tree); err == nil && node != nil && node.GetToken() != nil {
			lines[name] = report.Location{File: InTree(c.File), Line: node.GetToken().Position.Line}
		}
	}
	enter("default", "backend")
	for i := range c.Routes {
		enter(c.Routes[i].Name, "routes["+strconv.Itoa(i)+"].name")
	}
	return lines, nil
}
