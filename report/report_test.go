package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

var update = flag.Bool("update", false, "write the golden files")

// shown are the rules whose findings are in the reports of these tests, so that a rule more does not change them.
var shown = []string{"UPGRADE-POST", "UPGRADE-MISSING-CONN", "UPGRADE-101-NOT-OFFERED", "UPGRADE-WS-ACCEPT-MISSING", "UPGRADE-INVALID-VER"}

// rulings are those of some transcripts, of two files.
func rulings(t testing.TB) (all []*rules.Ruling) {
	t.Helper()
	for i, name := range []string{
		"TUTORIAL/mdn-websocket", "UPGRADE-POST/switched-on-post", "UPGRADE-POST/switched-on-post", "UPGRADE-MISSING-CONN/switched-without-connection",
		"UPGRADE-POST/refused-post", "UPGRADE-POST/silent-on-post",
	} {
		text, err := os.ReadFile("../rules/testdata/" + name + ".wire")
		if err != nil {
			t.Fatal(err)
		}
		transcript, err := wire.ParseTranscript(text)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range transcript.Exchanges(wire.Common{Route: "default", Backend: "192.0.2.9:8080"}) {
			all = append(all, judged(x, fmt.Sprintf("file-%d.wire", i/3+1), len(all)))
		}
	}
	const hostile = "GET /\x1b[31m\xe2\x80\xae%n'\\?token=secret HTTP/1.0\r\nHost: $(reboot)\r\nUpgrade: websocket\r\n\r\n"
	x := &wire.Exchange{
		Origin: wire.OriginFile, Route: "default", Request: wire.ReadRequest([]byte(hostile)), Final: true, Complete: true, Outcome: wire.Switched,
		Response: wire.ReadResponse([]byte("HTTP/1.1 101 \x1b[2J\r\nUpgrade: websocket\r\n\r\n")), Lossy: []string{"bytes", "aftermath"},
	}
	return append(all, judged(x, "evil\x1b[31m.har", len(all)))
}

func judged(x *wire.Exchange, run string, n int) *rules.Ruling {
	copied := *x
	copied.ID = fmt.Sprintf("01J%023d", n)
	r := rules.Classify(rules.Case{X: &copied})
	r.Run, r.Verdict, r.Unsafe = run, rules.NotApplicable, false
	r.Findings = slices.DeleteFunc(r.Findings, func(f rules.Finding) bool { return !slices.Contains(shown, f.Rule.ID) })
	for _, f := range r.Findings {
		r.Verdict = min(r.Verdict, f.Verdict)
		r.Unsafe = r.Unsafe || f.Verdict == rules.Fail && f.Severity == rules.Critical && x.Outcome == wire.Switched
	}
	return r
}

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
	all := rulings(t)
	for _, f := range Formats() {
		golden(t, f.Name, render(t, f.Name, Options{}, all))
		golden(t, f.Name+"-empty", render(t, f.Name, Options{}, nil))
	}
	ascii := render(t, "text", Options{ASCII: true}, all)
	golden(t, "text-ascii", ascii)
	for _, c := range []byte(ascii) {
		if c != '\n' && (c < ' ' || c > '~') {
			t.Fatalf("byte %#02x in ASCII", c)
		}
	}
	color := render(t, "text", Options{Color: true}, all)
	if !strings.Contains(color, "\x1b[31m✖ fail\x1b[0m") || strings.Count(color, "\x1b[31m") != strings.Count(color, "✖") {
		t.Errorf("got %q", color)
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

// TestCountsAgree reads every format again, and wants what the summary counts.
func TestCountsAgree(t *testing.T) {
	all := rulings(t)
	var s Stream
	for _, r := range all {
		s.Write(r)
	}
	s.Close()
	if got := s.Summary.Result(); got != "RESULT fail=4 warn=1 unclear=1 pass=1 na=0" || s.Summary.Unsafe != 4 || s.Summary.Conclusive() != 6 {
		t.Errorf("got %s, %+v", got, s.Summary)
	}
	type ruling struct{ Verdict string }
	var elements []ruling
	if err := json.Unmarshal([]byte(render(t, "json", Options{}, all)), &elements); err != nil {
		t.Fatal(err)
	}
	var lines []ruling
	for line := range strings.Lines(render(t, "ndjson", Options{}, all)) {
		var r ruling
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, r)
	}
	var counts [rules.NotApplicable + 1]int64
	for _, r := range elements {
		counts[slices.Index([]string{"fail", "warn", "unclear", "pass", "not-applicable"}, r.Verdict)]++
	}
	if counts != s.Summary.Verdicts || !slices.Equal(elements, lines) {
		t.Errorf("got %v and %v, want %v", elements, lines, s.Summary.Verdicts)
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
	if got := Again(all[len(all)-1]); !strings.HasSuffix(got, "| nc HOST PORT") {
		t.Errorf("got %s", got)
	}
	if got := Again(all[1]); !strings.HasSuffix(got, "| nc 192.0.2.9 8080") {
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
	if _, err := Open("xml", &b, Options{}); err == nil || err.Error() != `no format "xml"; there are json, ndjson, text` {
		t.Errorf("got %v", err)
	}
}
