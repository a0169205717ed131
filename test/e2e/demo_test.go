//go:build e2e

package e2e

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestDemoShowsBothKindsOfSwitch runs the demo with text output.
func TestDemoShowsBothKindsOfSwitch(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{"symbols": {"demo"}, "ASCII": {"demo", "--ascii"}} {
		got := succeed(t, "interlock", args...)
		sound, unsafe := 0, 0
		for text := range strings.Lines(got.stdout) {
			switch {
			case strings.Contains(text, " fail ") && strings.Contains(text, " 101 "):
				unsafe++
			case strings.Contains(text, " pass ") && strings.Contains(text, " 101 "):
				sound++
			}
		}
		if sound == 0 || unsafe == 0 {
			t.Errorf("%s: got %d sound and %d unsafe switches, want some of both\n%s", name, sound, unsafe, got.stdout)
		}
		hasResult(t, got.stdout)
		if name == "symbols" {
			isInTheReadme(t, got.stdout)
		}
		foreign := strings.IndexFunc(got.stdout, func(r rune) bool { return r > '~' })
		if name == "ASCII" && foreign >= 0 {
			t.Errorf("got %q, want nothing outside ASCII", clip(got.stdout[foreign:]))
		}
	}
}

// isInTheReadme checks that the demo's lines in the README appear in the output in the same order.
// Times and counts other than zero may differ.
func isInTheReadme(t *testing.T, printed string) {
	t.Helper()
	const from = "\n```text test=TestDemoShowsBothKindsOfSwitch\n"
	readme := content(t, "../..", "README.md")
	_, sample, ok := strings.Cut(readme, from)
	sample, _, ended := strings.Cut(sample, "\n```")
	if !ok || !ended {
		t.Fatalf("the README has no lines of the demo")
	}
	holes := regexp.MustCompile(`^ \d\d:\d\d:\d\d\.\d{3} |=[1-9]\d*\b`)
	same := func(line string) string { return strings.TrimRight(holes.ReplaceAllString(line, "~"), "\n") }
	left := strings.Split(printed, "\n")
	for line := range strings.Lines(sample) {
		i := slices.IndexFunc(left, func(each string) bool { return same(each) == same(line) })
		if i < 0 {
			t.Errorf("the README says %q, which the demo did not print there\n%s", line, printed)
			return
		}
		left = left[i+1:]
	}
}

// hasResult checks that the last non-empty line is the RESULT line for scripts.
func hasResult(t *testing.T, stdout string) {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(stdout), "\n")
	if last := strings.TrimSpace(lines[len(lines)-1]); !strings.HasPrefix(last, "RESULT ") {
		t.Errorf("the last line is %q, want RESULT", last)
	}
}

// TestDemoServesAPageOfWhatItDid checks the page that the demo serves until it is interrupted:
// traffic, findings and probes of both backends. A new probe run can be started from it.
func TestDemoServesAPageOfWhatItDid(t *testing.T) {
	t.Parallel()
	cmd := exec.Command("interlock", "demo", "--stay", "--admin", "127.0.0.1:0")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Kill()
	lines, url := bufio.NewScanner(out), ""
	for url == "" && lines.Scan() {
		if found := regexp.MustCompile(`^ Still running\. Open (http://127\.0\.0\.1:\d+) `).FindStringSubmatch(lines.Text()); found != nil {
			url = found[1]
		}
	}
	var overview struct {
		Unsafe, Exchanges int64
		Lead              string
		Findings          []struct{ Endpoint string }
	}
	read(t, url+"/index.json", &overview)
	if overview.Unsafe == 0 || overview.Exchanges < 20 || !strings.HasPrefix(overview.Lead, "Not safe: ") || len(overview.Findings) == 0 {
		t.Errorf("got %+v", overview)
	}
	var probes struct {
		Answers []struct{ Verdict, Text string }
		Learned []struct{ Route, Endpoint string }
		Runs    []struct{ ID string }
	}
	read(t, url+"/probes.json", &probes)
	of := map[string]int{}
	for _, a := range probes.Answers {
		of[a.Verdict]++
	}
	if of["pass"] == 0 || of["fail"] == 0 || len(probes.Runs) != len(probes.Answers) || len(probes.Learned) == 0 {
		t.Errorf("got %+v", probes)
	}
	answer, err := client(t).Post(url+"/api/v1/probe-runs", "application/json", strings.NewReader(`{"route":"vulnerable","endpoint":"/chat","only":["UPGRADE-POST"]}`))
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusAccepted {
		t.Errorf("it does not probe again: status %d", answer.StatusCode)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, out); err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("it ends with %v", err)
	}
}

// read reads JSON from a URL.
func read(t *testing.T, url string, into any) {
	t.Helper()
	answer, err := client(t).Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if err := json.NewDecoder(answer.Body).Decode(into); err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%s: status %d, %v", url, answer.StatusCode, err)
	}
}

// TestDemoLogsJSON checks that every line before the report is a JSON object, and that both kinds
// of switch are among them.
func TestDemoLogsJSON(t *testing.T) {
	t.Parallel()
	got := succeed(t, "interlock", "demo", "--log", "json")
	report := strings.Index(got.stdout, "\n\n")
	if report < 0 {
		t.Fatalf("no report in %q", got.stdout)
	}
	sound, unsafe := 0, 0
	for text := range strings.Lines(got.stdout[:report]) {
		var l line
		if err := json.Unmarshal([]byte(text), &l); err != nil {
			t.Errorf("%q: %v", text, err)
		}
		switch {
		case l.Message == "unsafe switch" && l.Verdict == "fail" && l.Status == 101:
			unsafe++
		case l.Message == "exchange" && l.Verdict == "pass" && l.Status == 101:
			sound++
		}
	}
	if sound == 0 || unsafe == 0 {
		t.Errorf("got %d sound and %d unsafe switches, want some of both\n%s", sound, unsafe, got.stdout)
	}
	hasResult(t, got.stdout)
}
