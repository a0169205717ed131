package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// prose returns the files that people read, except those generated from the texts of rules.
func prose(t *testing.T) (names []string) {
	t.Helper()
	for _, pattern := range []string{"README.md", "CONTRIBUTING.md", "SECURITY.md", "docs/*.md", "configs/*.y*ml", "configs/*.json", "docker-compose.yml", "deploy/*/*", "deploy/*/*/*", "deploy/*/*/*/*"} {
		found, err := filepath.Glob(filepath.Join("../..", pattern))
		if err != nil || len(found) == 0 {
			t.Errorf("%s: no file, %v", pattern, err)
		}
		names = append(names, slices.DeleteFunc(found, func(name string) bool {
			is, err := os.Stat(name)
			return err == nil && is.IsDir()
		})...)
	}
	return names
}

// TestProseHasNoBannedIdioms checks the documents for wording that readers stumbled over.
func TestProseHasNoBannedIdioms(t *testing.T) {
	for _, name := range prose(t) {
		text := strings.Join(strings.Fields(read(t, name)), " ")
		for _, found := range banned.FindAllStringIndex(text, -1) {
			t.Errorf("%s: %q", name, text[max(0, found[0]-30):min(len(text), found[1]+20)])
		}
	}
}

var (
	linked  = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.+)$`)
)

// anchors returns GitHub's anchors for the headings of a page.
func anchors(text string) (all []string) {
	drop := regexp.MustCompile(`[^\p{L}\p{N} _-]`)
	for _, m := range heading.FindAllStringSubmatch(text, -1) {
		all = append(all, strings.ReplaceAll(strings.ToLower(drop.ReplaceAllString(m[1], "")), " ", "-"))
	}
	return all
}

// TestLinksLeadSomewhere checks that every link within the repository leads to an existing file and
// heading.
func TestLinksLeadSomewhere(t *testing.T) {
	seen := 0
	for _, name := range prose(t) {
		if filepath.Ext(name) != ".md" {
			continue
		}
		for _, m := range linked.FindAllStringSubmatch(read(t, name), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			seen++
			path, anchor, _ := strings.Cut(m[1], "#")
			target := filepath.Join(filepath.Dir(name), path)
			if path == "" {
				target = name
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s: %s: %v", name, m[1], err)
			} else if anchor != "" && !slices.Contains(anchors(read(t, target)), anchor) {
				t.Errorf("%s: %s: there is no such heading", name, m[1])
			}
		}
	}
	if seen < 40 {
		t.Errorf("got %d links, want more", seen)
	}
}

// TestEveryPageIsInTheTableOfContents checks that docs/README.md links to each page.
func TestEveryPageIsInTheTableOfContents(t *testing.T) {
	contents := read(t, "../../docs/README.md")
	pages, _ := filepath.Glob("../../docs/*.md")
	for _, page := range pages {
		if name := filepath.Base(page); name != "README.md" && !strings.Contains(contents, "("+name) {
			t.Errorf("docs/README.md does not link to %s", name)
		}
	}
}

// TestLogMessagesAreDocumented checks that docs/log.md has every message that serve logs, except
// debug messages.
func TestLogMessagesAreDocumented(t *testing.T) {
	page := read(t, "../../docs/log.md")
	logged := regexp.MustCompile(`\.Msg\("([^"]+)"\)`)
	seen := 0
	for _, folder := range []string{"proxy", "internal/server", "internal/config", "internal/event", "internal/terminal", "internal/trace", "internal/store", "internal/web", "internal/audit"} {
		files, _ := filepath.Glob(filepath.Join("../..", folder, "*.go"))
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			for line := range strings.Lines(read(t, name)) {
				m := logged.FindStringSubmatch(line)
				if m == nil || strings.Contains(line, "Debug()") {
					continue
				}
				if seen++; !strings.Contains(page, "`"+m[1]+"`") {
					t.Errorf("%s logs %q, which docs/log.md does not have", name, m[1])
				}
			}
		}
	}
	if seen < 20 {
		t.Errorf("got %d messages, want more", seen)
	}
}

// TestCommandsInTextAreCommandLines checks interlock commands within sentences and tables.
func TestCommandsInTextAreCommandLines(t *testing.T) {
	inline := regexp.MustCompile("`(interlock [a-z][^`]*|serve --[^`]*)`")
	seen := 0
	for _, name := range prose(t) {
		if filepath.Ext(name) != ".md" || filepath.Base(name) == "commands.md" {
			continue
		}
		for _, m := range inline.FindAllStringSubmatch(read(t, name), -1) {
			words := strings.Fields(strings.TrimPrefix(m[1], "interlock "))
			seen++
			cmd, rest, err := command().Find(words)
			if err == nil && cmd.HasParent() {
				err = cmd.ParseFlags(rest)
			}
			if err != nil {
				t.Errorf("%s: %s: %v", name, m[1], err)
			}
		}
	}
	if seen < 20 {
		t.Errorf("got %d commands, want more", seen)
	}
}
