package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"

	"github.com/interlock-proxy/interlock/internal/report"
)

// locationFlag adds the flag that says where in the source tree findings are shown.
func locationFlag(cmd *cobra.Command) {
	cmd.Flags().String("location", "", "FILE[:LINE] of the source tree that sarif and gitlab show findings at, where the configuration has no line for their route")
}

// reportOptions are what reports are told of a command that has locationFlag. Findings are shown at the line of their route in
// the configuration, else where --location says, else in the baseline, else in the file of what is accepted.
func reportOptions(cmd *cobra.Command, c *config, ascii bool) (report.Options, error) {
	o := report.Options{ASCII: ascii, Version: version(), Location: report.Location{File: inTree(c.file)}}
	for _, name := range []string{"accept", "baseline"} { // the last one that is there counts
		if f := cmd.Flags().Lookup(name); f != nil && f.Changed {
			if all, err := cmd.Flags().GetStringArray(name); err == nil && len(all) > 0 {
				o.Location = report.Location{File: inTree(all[0])}
			}
		}
	}
	if text := cmd.Flags().Lookup("location").Value.String(); text != "" {
		var err error
		if o.Location, err = parseLocation(text); err != nil {
			return o, err
		}
	}
	var err error
	o.Routes, err = c.routeLines()
	return o, err
}

// parseLocation reads FILE or FILE:LINE.
func parseLocation(text string) (report.Location, error) {
	l := report.Location{File: text, Line: 1}
	if i := strings.LastIndexByte(text, ':'); i > 0 {
		if n, err := strconv.Atoi(text[i+1:]); err == nil {
			l = report.Location{File: text[:i], Line: n}
		}
	}
	if l.File = inTree(l.File); strings.Contains(l.File, "://") || !filepath.IsLocal(l.File) || l.Line < 1 {
		return l, usage("--location: %q is not of the form FILE[:LINE], with a file below the working directory and a line from 1", text)
	}
	return l, nil
}

// inTree is the name of a file from the working directory, where the file is below it.
func inTree(name string) string {
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

// routeLines are the lines of the configuration file that say what is behind each route.
func (c *config) routeLines() (map[string]report.Location, error) {
	if c.file == "" {
		return nil, nil
	}
	var o origin
	if err := o.parse(c.file, new(config)); err != nil {
		return nil, err
	}
	lines := map[string]report.Location{}
	enter := func(name, key string) {
		path, err := yaml.PathString("$." + key)
		if err != nil {
			return
		}
		if node, err := path.FilterFile(o.tree); err == nil && node != nil && node.GetToken() != nil {
			lines[name] = report.Location{File: inTree(c.file), Line: node.GetToken().Position.Line}
		}
	}
	enter("default", "backend")
	for i := range c.Routes {
		enter(c.Routes[i].Name, "routes["+strconv.Itoa(i)+"].name")
	}
	return lines, nil
}
