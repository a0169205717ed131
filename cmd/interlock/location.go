package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/interlock-proxy/interlock/internal/config"
	"github.com/interlock-proxy/interlock/internal/exit"
	"github.com/interlock-proxy/interlock/internal/help"
	"github.com/interlock-proxy/interlock/internal/report"
	"github.com/interlock-proxy/interlock/internal/version"
)

// locationFlag adds the flag that says where in the source tree findings are shown.
func locationFlag(cmd *cobra.Command) {
	cmd.Flags().String("location", "", "`FILE[:LINE]` that SARIF and GitLab reports point to")
	help.Group(cmd, help.Output, "location")
	help.Rare(cmd, "location")
}

// reportOptions returns the options of reports for a command with locationFlag. Findings are at the
// line of their route in the configuration, else at --location, else in the baseline, else in the
// file of accepted findings.
func reportOptions(cmd *cobra.Command, c *config.Config, ascii bool) (report.Options, error) {
	o := report.Options{
		ASCII: ascii, Version: version.String(), Command: commandLine(cmd), Target: target(cmd, c.Backend), Location: report.Location{File: config.InTree(c.File)},
	}
	for _, name := range []string{"accept", "baseline"} { // the last one that is set counts
		if f := cmd.Flags().Lookup(name); f != nil && f.Changed {
			if all, err := cmd.Flags().GetStringArray(name); err == nil && len(all) > 0 {
				o.Location = report.Location{File: config.InTree(all[0])}
			}
		}
	}
	if !isFile(o.Location.File) { // a baseline can be the name of a run
		o.Location = report.Location{}
	}
	if text := cmd.Flags().Lookup("location").Value.String(); text != "" {
		var err error
		if o.Location, err = parseLocation(text); err != nil {
			return o, err
		}
	}
	var err error
	o.Routes, err = c.RouteLines()
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
	if l.File = config.InTree(l.File); strings.Contains(l.File, "://") || !filepath.IsLocal(l.File) || l.Line < 1 {
		return l, exit.Usage("--location: %q must be FILE[:LINE], with a file below the working directory and a line from 1", text)
	}
	if !isFile(l.File) {
		return l, exit.Usage("--location: there is no file %q", l.File)
	}
	return l, nil
}

// isFile reports whether a file is in the tree below the working directory.
func isFile(name string) bool {
	if name == "" || !filepath.IsLocal(name) {
		return false
	}
	info, err := os.Stat(name)
	return err == nil && info.Mode().IsRegular()
}
