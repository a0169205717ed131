package main

import (
	"os"
	"path/filepath"
	"testing"
)

// TestHealthIsAskedWhereServeListens configures the admin address of a container's first process in
// every possible way.
func TestHealthIsAskedWhereServeListens(t *testing.T) {
	file := filepath.Join(t.TempDir(), "interlock.yaml")
	if err := os.WriteFile(file, []byte("backend: http://127.0.0.1:3000\nadmin: {listen: \"127.0.0.1:7001\"}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		words    []string
		variable string
		want     string
	}{
		"default":          {[]string{"/interlock", "serve", "--backend", "http://b:80", ""}, "", "127.0.0.1:9426"},
		"a flag":           {[]string{"/interlock", "serve", "--admin", "0.0.0.0:7000", ""}, "", "0.0.0.0:7000"},
		"a flag in one":    {[]string{"/interlock", "serve", "--admin=:7000", "--ascii"}, "", ":7000"},
		"a file":           {[]string{"/interlock", "serve", "--config", file}, "", "127.0.0.1:7001"},
		"a flag over it":   {[]string{"/interlock", "serve", "--config", file, "--admin", ":7000"}, "", ":7000"},
		"a variable":       {[]string{"/interlock", "serve"}, "127.0.0.1:7002", "127.0.0.1:7002"},
		"a flag over that": {[]string{"/interlock", "serve", "--admin", ":7000"}, "127.0.0.1:7002", ":7000"},
		"an init":          {[]string{"/sbin/docker-init", "--", "/interlock", "serve", "--admin", ":7000"}, "", ":7000"},
		"another command":  {[]string{"/interlock", "lab", "serve", "--admin", ":7000"}, "", "127.0.0.1:9426"},
		"another program":  {[]string{"/sbin/init", ""}, "127.0.0.1:7002", "127.0.0.1:7002"},
		"nothing":          {nil, "", "127.0.0.1:9426"},
	} {
		t.Run(name, func(t *testing.T) {
			if c.variable != "" {
				t.Setenv("INTERLOCK_ADMIN", c.variable)
			}
			if got := adminOf(c.words); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}
