//go:build e2e

package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/joshdk/go-junit"
	"golang.org/x/net/html"
)

// A suite is a command for interlock run: Node's test runner with tests on Node's ws, in front of a
// backend.
type suite struct {
	backend string // host:port
	mode    string // of node/suite.mjs
	flags   []string
	status  int    // the exit status of run
	command string // the exit status of the command
	last    string // a pattern for the last line of standard error
}

// TestRunAroundATestSuite runs a real test suite through the proxy, with every combination of suite
// result and findings. It checks the exit status. Readers of each format must accept its report,
// and all reports must have the same counts.
func TestRunAroundATestSuite(t *testing.T) {
	t.Parallel()
	sound, unsound := nodeServer(t), labServer(t, "any-method")
	const result = `^ RESULT .* command=0$`
	for name, s := range map[string]suite{
		"clean":                    {sound, "", nil, 0, "0", result},
		"findings":                 {unsound, "", []string{"--probe"}, 1, "0", `^interlock: \d+ findings? at or above --fail-on high$`},
		"the suite fails":          {sound, "failing", nil, 7, "7", `^interlock: the command "sh" ended with status 7$`},
		"both":                     {unsound, "post", nil, 1, "7", `^interlock: 1 finding at or above --fail-on high; the command "sh" ended with status 7$`},
		"both, by the command":     {unsound, "post", []string{"--exit", "command"}, 7, "7", `; the command "sh" ended with status 7$`},
		"findings, by the command": {unsound, "", []string{"--probe", "--exit", "command"}, 0, "0", `^interlock: \d+ findings? at or above --fail-on high$`},
		"both, by findings":        {unsound, "post", []string{"--exit", "findings"}, 1, "7", `^interlock: 1 finding at or above --fail-on high; the command "sh" ended with status 7$`},
		"clean, by findings":       {sound, "", []string{"--exit", "findings"}, 0, "0", result},
		"fails, by findings":       {sound, "failing", []string{"--exit", "findings"}, 0, "7", `^interlock: the command "sh" ended with status 7$`},
		"findings do not count":    {unsound, "post", []string{"--profile", "all", "--rules-as-of", "0.0"}, 7, "7", `^interlock: the command "sh" ended with status 7$`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s.run(t)
		})
	}
}

// reportFormats are all the report formats of run.
var reportFormats = []string{"text", "json", "ndjson", "junit", "sarif", "html", "markdown", "har", "gitlab", "wire", "pcapng"}

func (s suite) run(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	args := append([]string{"run", "--backend", "http://" + s.backend, "--wait", "30s", "--env", "CHAT_URL=ws://{addr}/chat", "--env", "SUITE=" + s.mode}, s.flags...)
	for _, f := range reportFormats {
		args = append(args, "-o", f+"="+filepath.Join(dir, f))
	}
	got := run(t, "interlock", append(args, "--", "sh", "-c", program(t, "node", "nodejs")+" --test node/suite.mjs || exit 7")...)
	lines := strings.Split(strings.TrimRight(got.stderr, "\n"), "\n")
	if last := lines[len(lines)-1]; got.status != s.status || !regexp.MustCompile(s.last).MatchString(last) {
		t.Fatalf("got status %d and %q, want %d and %s\n%s%s", got.status, last, s.status, s.last, got.stdout, got.stderr)
	}
	if !strings.Contains(got.stdout, "messages come back") {
		t.Errorf("got %q, want what the suite wrote", got.stdout)
	}
	text := strings.TrimRight(content(t, dir, "text"), "\n")
	line, command, _ := strings.Cut(strings.TrimSpace(text[strings.LastIndex(text, "\n")+1:]), " command=")
	if !strings.HasPrefix(line, "RESULT ") || command != s.command {
		t.Fatalf("got %q and %q at the end of the text, want a result and %s", line, command, s.command)
	}
	if !strings.Contains(got.stderr, " "+line+" command="+command+"\n") {
		t.Errorf("standard error does not say %q: %s", line, got.stderr)
	}
	for _, name := range []string{"junit", "sarif", "html", "markdown", "har", "wire/index.txt"} {
		if !strings.Contains(content(t, dir, name), line) {
			t.Errorf("%s does not say %q", name, line)
		}
	}
	readable(t, dir)
}

// readable checks that readers of each format accept its report. Six exchanges belong to the suite.
func readable(t *testing.T, dir string) {
	t.Helper()
	var rulings []struct{ Origin, Run string }
	if err := json.Unmarshal([]byte(content(t, dir, "json")), &rulings); err != nil {
		t.Fatal(err)
	}
	live := 0
	for _, r := range rulings {
		if r.Origin == "live" {
			live++
		}
		if r.Run == "" || r.Run != rulings[0].Run {
			t.Errorf("got run %q, want %q, the same in all rulings", r.Run, rulings[0].Run)
		}
	}
	if live < 6 || strings.Count(content(t, dir, "ndjson"), "\n") != len(rulings) {
		t.Errorf("got %d rulings, %d of them on the suite's traffic; ndjson has others", len(rulings), live)
	}
	if err := harSchema(t).Validate(value(t, dir, "har")); err != nil {
		t.Errorf("har: %v", err)
	}
	if suites, err := junit.Ingest([]byte(content(t, dir, "junit"))); err != nil || len(suites) == 0 {
		t.Errorf("junit: got %d suites, %v", len(suites), err)
	}
	if _, err := html.Parse(strings.NewReader(content(t, dir, "html"))); err != nil {
		t.Error(err)
	}
	scanned(t, dir)
	for _, name := range []string{"text", "markdown", "gitlab"} {
		if content(t, dir, name) == "" {
			t.Errorf("%s is empty", name)
		}
	}
}

// TestRunAroundASuiteThatGoesElsewhere runs a suite that bypasses the proxy; the result is
// inconclusive.
func TestRunAroundASuiteThatGoesElsewhere(t *testing.T) {
	t.Parallel()
	backend := nodeServer(t)
	args := []string{"run", "--backend", "http://" + backend, "--env", "CHAT_URL=ws://" + backend + "/chat", "--", program(t, "node", "nodejs"), "--test", "node/suite.mjs"}
	if got := run(t, "interlock", args...); got.status != 3 || !strings.Contains(got.stderr, "\ninterlock: no traffic: the command sent nothing to http://127.0.0.1:") {
		t.Errorf("got status %d, want 3\n%s%s", got.status, got.stdout, got.stderr)
	}
}

// TestRunAroundASuiteWithoutTraffic runs a suite that connects to nothing. The result is
// inconclusive unless the flags allow it.
func TestRunAroundASuiteWithoutTraffic(t *testing.T) {
	t.Parallel()
	backend := nodeServer(t)
	suite := program(t, "node", "nodejs") + " --test --test-name-pattern='cannot do' node/suite.mjs >&2"
	for name, c := range map[string]struct {
		flags  string
		status int // exit status of the suite
		want   int
	}{
		"could not tell":                  {"", 0, 3},
		"that is all right":               {"--allow-no-traffic", 0, 0},
		"the suite fails":                 {"", 7, 7},
		"the suite fails, and all right":  {"--allow-no-traffic", 7, 7},
		"could not tell, by findings":     {"--exit=findings", 7, 3},
		"could not tell, by the command":  {"--exit=command", 0, 0},
		"the suite fails, by the command": {"--exit=command", 7, 7},
		"all right, by findings":          {"--exit=findings --allow-no-traffic", 7, 0},
		"inconclusive although it probes": {"--probe", 0, 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := append([]string{"run", "--backend", "http://" + backend, "--env", "CHAT_URL=ws://{addr}/chat"}, strings.Fields(c.flags)...)
			got := run(t, "interlock", append(args, "--", "sh", "-c", fmt.Sprintf("%s && exit %d", suite, c.status))...)
			if got.status != c.want || !strings.Contains(got.stderr, "RESULT fail=0 warn=0 unclear=0 pass=0 na=0") {
				t.Errorf("got status %d, want %d\n%s%s", got.status, c.want, got.stdout, got.stderr)
			}
			if told := strings.Contains(got.stderr, "no traffic: the command sent nothing"); told != (!strings.Contains(c.flags, "no-traffic")) {
				t.Errorf("output says that there was no traffic: %v\n%s", told, got.stderr)
			}
		})
	}
}

// TestRunPassesSignalsOn ends a run as a CI system does. The client closes its tunnel, and the
// report includes the exchange.
func TestRunPassesSignalsOn(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	cmd := exec.CommandContext(ctx, "interlock", "run", "--backend", "http://"+nodeServer(t), "--env", "CHAT_URL=ws://{addr}/chat", "--",
		program(t, "node", "nodejs"), "node/waiting-client.mjs")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err := errors.Join(err, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(stdout).ReadString('\n'); line != "open\n" {
		t.Errorf("got %q (%v), want open", line, err)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	cmd.Wait() // the exit status is checked below
	if got := cmd.ProcessState.ExitCode(); got != 42 || !strings.Contains(stderr.String(), " RESULT fail=0 warn=0 unclear=0 pass=1 na=0 command=42\n") {
		t.Errorf("got status %d, want 42\n%s", got, &stderr)
	}
}
