//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestFindingsAsTestCases follows docs/other-tests.md: it runs a test suite through Interlock, and the
// test file of each framework on the rulings. All of them show the same failures.
func TestFindingsAsTestCases(t *testing.T) {
	t.Parallel()
	text := content(t, "../../docs", "other-tests.md")
	d := newDoc(t, text)
	failures := map[string]int{}
	for _, f := range fences(t, "other-tests.md", text) {
		switch f.language {
		case "sh":
			lines := commandsOf(f.text)
			if len(lines) != 1 {
				t.Fatalf("other-tests.md:%d: %d commands, want one", f.line, len(lines))
			}
			d.printed = ""
			d.command(t, f, strings.Replace(lines[0], "pytest ", "/usr/bin/python3 -m pytest ", 1))
			if name, _, _ := strings.Cut(lines[0], " "); name != "interlock" {
				failures[name] = failed(t, d.printed)
			}
		case "text":
			for line := range strings.Lines(f.text) {
				if !strings.Contains(d.printed, line) {
					t.Errorf("other-tests.md:%d: the output does not have %q\n%s", f.line, line, d.printed)
				}
			}
		default:
			if err := os.WriteFile(filepath.Join(d.dir, f.tag("file")), []byte(f.text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if f.language == "java" {
			d.printed = ""
			const jars = "CP=out:$(printf '%s:' /usr/share/java/{junit-jupiter,junit-platform,jackson,opentest4j,apiguardian,picocli,univocity}*.jar); "
			d.command(t, &fence{page: f.page, line: f.line}, jars+"javac -cp $CP -d out UpgradesTest.java")
			d.command(t, &fence{page: f.page, line: f.line, tags: []string{"status=1"}}, jars+"java -cp $CP org.junit.platform.console.ConsoleLauncher --select-class UpgradesTest --disable-banner")
			failures["java"] = failed(t, d.printed)
		}
	}
	if rulings := strings.Count(content(t, d.dir, "upgrades.ndjson"), "\n"); rulings < 250 {
		t.Errorf("got %d rulings, want more", rulings)
	}
	want := failures["pytest"]
	for _, name := range []string{"pytest", "node", "java", "rspec"} {
		if got := failures[name]; got != want || got < 100 {
			t.Errorf("%s shows %d failures, pytest %d", name, got, want)
		}
	}
}

// failed reads the number of failed cases from the summary of a framework, whose cases for UPGRADE-POST
// failed.
func failed(t *testing.T, output string) int {
	t.Helper()
	m := regexp.MustCompile(`(?m)^# fail (\d+)$|^(\d+) failed,|, (\d+) failures?,|\[ +(\d+) tests failed`).FindStringSubmatch(output)
	if m == nil || !strings.Contains(output, `UPGRADE-POST: Server accepted a WebSocket handshake with method "POST"`) {
		t.Fatalf("want a summary and a failure of UPGRADE-POST:\n%s", output)
	}
	n, err := strconv.Atoi(strings.Join(m[1:], ""))
	if err != nil {
		t.Fatal(err)
	}
	return n
}
