//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
)

// The document's figures are between these lines and are replaced as a whole.
const (
	figuresBegin = "<!-- figures: written by go run ./bench document -->\n"
	figuresEnd   = "<!-- end of the figures -->\n"
)

// document puts the figures of the file args[0] into the document args[1]. Without arguments it
// uses the results of the last complete run and docs/performance.md.
func document(args []string) error {
	if len(args) == 0 {
		args = []string{defaultOutput, documentPath}
	}
	if len(args) != 2 {
		return errors.New("name a file of figures and a document, or neither")
	}
	r, err := readResults(args[0])
	if err != nil {
		return err
	}
	text, err := os.ReadFile(args[1])
	if err != nil {
		return fmt.Errorf("read the document: %w", err)
	}
	if text, err = r.into(text); err != nil {
		return fmt.Errorf("%s: %w", args[1], err)
	}
	return os.WriteFile(args[1], text, 0o644)
}

func readResults(path string) (r results, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return r, fmt.Errorf("read the figures (make bench writes them): %w", err)
	}
	if err := json.Unmarshal(text, &r); err != nil {
		return r, fmt.Errorf("read the figures of %s: %w", path, err)
	}
	return r, nil
}

// into returns the document with these figures.
func (r results) into(document []byte) ([]byte, error) {
	before, rest, ok := bytes.Cut(document, []byte(figuresBegin))
	_, after, closed := bytes.Cut(rest, []byte(figuresEnd))
	if !ok || !closed {
		return nil, errors.New("it has no place for figures")
	}
	return slices.Concat(before, []byte(figuresBegin), r.markdown(), []byte(figuresEnd), after), nil
}

// shipped is the contender that runs as Interlock does by default: with SQLite, and everything read and explained.
const shipped = "interlock-sqlite"

// across are the columns of the table. Other contenders of a row are listed in its last column.
var across = []struct{ title, name string }{
	{"origin alone", "direct"}, {"nginx", "nginx"}, {"HAProxy", "haproxy"}, {"ReverseProxy", "reverseproxy"},
	{"goproxy", "goproxy"}, {"Interlock as shipped", shipped}, {"without a store", "interlock"},
}

// markdown returns the table of all rows, and the machine that they come from.
func (r results) markdown() []byte {
	var b bytes.Buffer
	m := r.Machine
	fmt.Fprintf(&b, "\n%d cores of %s, Linux %s, %s, %s, %s, goproxy %s; %s, %d rounds.\n\n", m.Cores, m.CPU, m.Kernel, m.Go,
		strings.TrimPrefix(m.Nginx, "nginx version: "), strings.TrimSuffix(m.HAProxy, " - https://haproxy.org/"), m.Goproxy,
		r.Time.Format("2006-01-02"), r.Rounds)
	b.WriteString("| row | unit |")
	for _, c := range across {
		b.WriteString(" " + c.title + " |")
	}
	b.WriteString(" ratio | to | aim | beside |\n|" + strings.Repeat("---|", len(across)+6) + "\n")
	for i := range r.Rows {
		r.Rows[i].markdown(&b)
	}
	b.WriteByte('\n')
	return b.Bytes()
}

// markdown writes the row of one table.
func (f *figures) markdown(b *bytes.Buffer) {
	title := f.Title
	if f.Measured != nil {
		title += f.Measured.Format(" (2006-01-02)")
	}
	fmt.Fprintf(b, "| %s | %s |", title, f.Unit)
	shown := map[string]bool{}
	for _, at := range across {
		value := " – |"
		for _, c := range f.Columns {
			if !shown[at.name] && (c.Name == at.name || c.Name == at.name+"-tls" || c.Name == at.name+"-h2") {
				value = " " + short(c.Value) + " |"
				shown[at.name], shown[c.Name] = true, true
			}
		}
		b.WriteString(value)
	}
	ratio, to, aim := f.ratios()
	var beside []string
	for _, c := range f.Columns {
		if shown[c.Name] {
			continue
		}
		text := c.Name + ": " + short(c.Value)
		if c.Ratio != nil {
			text += fmt.Sprintf(" (%.2f ×)", *c.Ratio)
		}
		beside = append(beside, text)
	}
	for _, c := range f.Columns {
		if c.Difference != nil && kind(c.Name) == "interlock" {
			beside = append(beside, c.Name+" − "+c.Difference.To+": "+c.Difference.String())
		}
	}
	fmt.Fprintf(b, " %s | %s | %s | %s |\n", ratio, to, aim, strings.Join(beside, "; "))
}

// kind returns the product of a contender: nginx-tls is an nginx.
func kind(name string) string {
	base, _, _ := strings.Cut(name, "-")
	return base
}

// short formats a value with three significant digits, or with all digits before the point if there
// are more.
func short(v float64) string {
	switch {
	case v >= 100:
		whole := fmt.Sprintf("%.0f", v)
		for i := len(whole) - 3; i > 0; i -= 3 {
			whole = whole[:i] + "," + whole[i:]
		}
		return whole
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}
