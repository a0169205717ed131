package accept

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/rogpeppe/go-internal/diff"
)

// The reasons why an entry cannot be added to a file.
var (
	ErrFaulty   = errors.New("the entry is not right")
	ErrAccepted = errors.New("an entry accepts this already")
	ErrForm     = errors.New("the list accept is not written one key a line, or the file has more than one document; add the entry by hand")
	ErrChanged  = errors.New("the file has changed in the meantime; try again")
)

// An Addition is an entry with its place in the text of a file. It is not written yet.
type Addition struct {
	File string // the file to write: the target of a symbolic link
	Diff string // from the old text to the new one: unified, with three lines of context

	was, is []byte
	mode    fs.FileMode
}

// Add computes an edit of a YAML file that appends an entry to the list accept. The file is a
// configuration or a list of its own, and need not exist. Everything else in it stays byte for byte
// as it is. An error is one line; errors.Is finds [ErrFaulty], [ErrAccepted] or [ErrForm] in it, or
// else the file cannot be read.
func Add(file string, w Written) (*Addition, error) {
	if _, faults := w.Entry(); len(faults) > 0 {
		return nil, fmt.Errorf("%w: %v", ErrFaulty, faults[0])
	}
	a, err := readFile(file)
	if err != nil {
		return nil, err
	}
	a.is = insert(a.was, &w)
	if err := check(a.was, a.is, &w); err != nil {
		return nil, fmt.Errorf("add to %q: %w", file, err)
	}
	old, name := filepath.Base(file), filepath.Base(file)
	if a.mode == 0 {
		old, a.mode = os.DevNull, 0o644
	}
	_, text, _ := bytes.Cut(diff.Diff(old, a.was, name, a.is), []byte("\n")) // the first line repeats the names
	a.Diff = string(text)
	return a, nil
}

// readFile reads a file; the mode is 0 if the file does not exist.
func readFile(file string) (*Addition, error) {
	a := &Addition{File: file}
	if to, err := filepath.EvalSymlinks(file); err == nil {
		a.File = to
	}
	info, err := os.Stat(a.File)
	if errors.Is(err, fs.ErrNotExist) {
		return a, nil
	}
	if err != nil {
		return nil, err
	}
	a.mode = info.Mode().Perm()
	a.was, err = os.ReadFile(a.File)
	return a, err
}

// Write writes the file as a whole or not at all. The error is [ErrChanged] if the file has changed
// since Add.
func (a *Addition) Write() error {
	is, err := os.ReadFile(a.File)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if !bytes.Equal(is, a.was) {
		return fmt.Errorf("write %q: %w", a.File, ErrChanged)
	}
	temporary, err := os.CreateTemp(filepath.Dir(a.File), "."+filepath.Base(a.File)+"-")
	if err != nil {
		return err
	}
	_, err = temporary.Write(a.is)
	for _, next := range []func() error{temporary.Sync, temporary.Close, func() error { return os.Chmod(temporary.Name(), a.mode) }} {
		err = errors.Join(err, next())
	}
	if err == nil {
		err = os.Rename(temporary.Name(), a.File)
	}
	if err != nil {
		os.Remove(temporary.Name())
	}
	return err
}

// listKey matches the line with the key accept: its value and its comment.
var listKey = regexp.MustCompile(`^accept[ \t]*:[ \t]*([^#\r\n]*?)([ \t]+#[^\r\n]*)?\r?\n?$`)

// insert returns the text with the entry. Text that it does not understand fails in check.
func insert(text []byte, w *Written) []byte {
	end := "\n"
	if bytes.Contains(text, []byte("\r\n")) {
		end = "\r\n"
	}
	lines := strings.SplitAfter(string(text), "\n")
	if lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	} else {
		lines[len(lines)-1] += end
	}
	for i, line := range lines {
		parts := listKey.FindStringSubmatch(line)
		if parts == nil {
			continue
		}
		if parts[1] != "" {
			if parts[1] != "[]" && parts[1] != "null" && parts[1] != "~" {
				return text
			}
			lines[i] = "accept:" + parts[2] + end
		}
		at, indent := listEnd(lines, i+1)
		return []byte(strings.Join(lines[:at], "") + w.lines(indent, end) + strings.Join(lines[at:], ""))
	}
	before := "accept:" + end
	if len(lines) > 0 {
		before = end + before
	}
	return []byte(strings.Join(lines, "") + before + w.lines("", end))
}

// listEnd returns the index of the line after the last element of the list, whose key is on the
// line before from, and the indentation of its elements.
func listEnd(lines []string, from int) (at int, indent string) {
	at, found := from, false
	for i := from; i < len(lines); i++ {
		line := strings.TrimRight(lines[i], "\r\n")
		rest := strings.TrimLeft(line, " ")
		before := line[:len(line)-len(rest)]
		element := rest == "-" || strings.HasPrefix(rest, "- ")
		switch {
		case !found && element:
			found, indent, at = true, before, i+1
		case rest == "" || !found && rest[0] == '#':
		case found && (len(before) > len(indent) || element && before == indent):
			at = i + 1
		case rest[0] != '#':
			return at, indent
		}
	}
	return at, indent
}

// lines returns the entry as an element of a list.
func (w *Written) lines(indent, end string) string {
	var b strings.Builder
	mark := "- "
	for _, each := range []struct{ key, value string }{
		{"rule", w.Rule}, {"probe", w.Probe}, {"endpoint", w.Endpoint}, {"fingerprint", w.Fingerprint}, {"reason", w.Reason}, {"until", w.Until},
	} {
		if each.value != "" {
			b.WriteString(indent + mark + each.key + ": " + scalar(each.value) + end)
			mark = "  "
		}
	}
	return b.String()
}

// plain matches text that YAML reads as a string without quotes.
var plain = regexp.MustCompile(`^(/[A-Za-z0-9/_.-]*|[A-Z0-9]+(-[A-Z0-9]+)+)$`)

// scalar returns a text as a YAML scalar. It is quoted as in JSON if it has or may have another
// meaning.
func scalar(text string) string {
	if _, err := time.Parse(time.DateOnly, text); err == nil || plain.MatchString(text) {
		return text
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(text) // encoding a string cannot fail
	return strings.TrimRight(b.String(), "\n")
}

// check returns an error unless the two texts differ only in the entry at the end of the list.
func check(was, is []byte, w *Written) error {
	var before, after struct {
		Accept []Written `yaml:"accept"`
	}
	var all, same map[string]any
	for _, each := range []struct {
		text []byte
		into any
	}{{was, &before}, {was, &all}, {is, &after}, {is, &same}} {
		if err := yaml.Unmarshal(each.text, each.into); err != nil {
			return fmt.Errorf("%w (%s)", ErrForm, strings.Join(strings.Fields(strings.SplitN(err.Error(), "\n", 2)[0]), " "))
		}
	}
	for i := range before.Accept {
		e, _ := before.Accept[i].Entry()
		if same := before.Accept[i]; same.about() == w.about() && !e.Expired(time.Now()) {
			return ErrAccepted
		}
	}
	delete(all, "accept")
	delete(same, "accept")
	if !slices.Equal(append(before.Accept, *w), after.Accept) || len(all)+len(same) > 0 && !reflect.DeepEqual(all, same) {
		return ErrForm
	}
	return nil
}

// about returns the entry without its reason and expiry: what it accepts.
func (w *Written) about() Written {
	return Written{Rule: w.Rule, Probe: w.Probe, Endpoint: w.Endpoint, Fingerprint: w.Fingerprint}
}
