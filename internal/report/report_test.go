package report

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/interlock-proxy/interlock/rules"
)

var update = flag.Bool("update", false, "write the golden files")

// render is a report in the format of that name.
func render(t testing.TB, name string, o Options, all []*rules.Ruling) string {
	t.Helper()
	var b bytes.Buffer
	w, err := Open(name, &b, o)
	if err != nil {
		t.Fatal(err)
	}
	s := Stream{Writers: []Writer{w}}
	s.Summary.Notes = []string{"file-1.pcap: 2 connections had begun before the capture"}
	s.Summary.Remarks = []string{"interlock.yaml:3:5: the entry for UPGRADE-POST at /chat accepted nothing"}
	for _, r := range all {
		s.Write(r)
	}
	for _, err := range s.Close() {
		if err != nil {
			t.Error(err)
		}
	}
	return b.String()
}

func TestFormats(t *testing.T) {
	all, sent := rulings(t), probed(t)
	for _, f := range Formats() {
		if f.Open == nil || f.Packets {
			continue
		}
		golden(t, f.Name, render(t, f.Name, Options{}, all))
		golden(t, f.Name+"-empty", render(t, f.Name, Options{}, nil))
		if f.Name != "json" && f.Name != "ndjson" {
			golden(t, f.Name+"-probes", render(t, f.Name, Options{Version: "0.0.0"}, sent))
		}
	}
	ascii := render(t, "text", Options{ASCII: true}, all)
	golden(t, "text-ascii", ascii)
	for _, c := range []byte(ascii) {
		if c != '\n' && (c < ' ' || c > '~') {
			t.Fatalf("byte %#02x in ASCII", c)
		}
	}
	color := render(t, "text", Options{Color: true}, all)
	if !strings.Contains(color, "\x1b[31m✖ fail\x1b[0m") || !strings.Contains(color, "\x1b[31;1m✖ fail\x1b[0m UPGRADE-POST ") || strings.Count(color, "\x1b[31") != strings.Count(color, "✖") {
		t.Errorf("got %q", color)
	}
}

// TestTextFitsTheTerminal holds that no line is wider than the terminal, but where a word or the
// line of an exchange is, and that no word is broken.
func TestTextFitsTheTerminal(t *testing.T) {
	words := func(text string) []string {
		text = regexp.MustCompile(`(?m)^ +(again|curl) .*(\n {14}.*)*`).ReplaceAllString(text, "")
		return strings.Fields(text)
	}
	all := probed(t)
	want := words(render(t, "text", Options{}, all))
	for width := 40; width <= 220; width += 9 {
		text := render(t, "text", Options{Width: width}, all)
		if got := words(text); !slices.Equal(got, want) {
			t.Errorf("%d columns: the words are others", width)
		}
		_, told, _ := strings.Cut(text, "\n failures")
		told, _, _ = strings.Cut(told, "\n RESULT")
		for line := range strings.Lines(told) {
			if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > min(max(width, 60), 200) && len(strings.Fields(line)) > 2 && !strings.Contains(line, "       or     ") && !strings.Contains(line, " -H '") {
				t.Errorf("%d columns: %d of %s", width, n, line)
			}
		}
	}
}

// golden compares text with a file, or writes the file.
func golden(t *testing.T, name, got string) {
	t.Helper()
	name = "testdata/" + name + ".golden"
	if *update {
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: got\n%s", name, got)
	}
}

// TestAgainSendsTheSameBytes lets a shell read the command.
func TestAgainSendsTheSameBytes(t *testing.T) {
	all := rulings(t)
	for _, r := range all {
		command := Again(r)
		text, rest, ok := strings.Cut(command, " | ")
		if !ok || !strings.HasPrefix(rest, "nc ") {
			t.Fatalf("got %s", command)
		}
		got, err := exec.Command("sh", "-c", text).Output()
		want := bytes.ReplaceAll(r.X.Request.Raw, []byte("token=secret"), []byte("token=******"))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("got %q, %v, want %q", got, err, want)
		}
	}
	if got := Again(all[len(all)-1]); !strings.HasSuffix(got, "| nc -w 2 HOST PORT") {
		t.Errorf("got %s", got)
	}
	if got := Again(all[1]); !strings.HasSuffix(got, "| nc -w 2 192.0.2.9 8080") {
		t.Errorf("got %s", got)
	}
}

type failing struct{ after int }

func (f *failing) Write(*rules.Ruling) error {
	if f.after--; f.after < 0 {
		return errors.New("disk full")
	}
	return nil
}

func (f *failing) Close(*Summary) error { return nil }

func TestOneReportMayFail(t *testing.T) {
	var b bytes.Buffer
	sound, err := Open("ndjson", &b, Options{})
	if err != nil {
		t.Fatal(err)
	}
	s := Stream{Writers: []Writer{&failing{after: 2}, sound}}
	all := rulings(t)
	for _, r := range all {
		s.Write(r)
	}
	if errs := s.Close(); errs[0] == nil || errs[1] != nil || strings.Count(b.String(), "\n") != len(all) {
		t.Errorf("got %v, %d lines", errs, strings.Count(b.String(), "\n"))
	}
	if _, err := Open("xml", &b, Options{}); err == nil || err.Error() != `no format "xml"; there are gitlab, har, html, json, junit, markdown, ndjson, pcapng, sarif, text, wire` {
		t.Errorf("got %v", err)
	}
}
