//go:build e2e

package e2e

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"

	"strconv"
	"strings"
	"testing"

	"github.com/joshdk/go-junit"
)

// chatHandler is the handler of the page: what the documentation of gorilla/websocket says, at /ws.
const chatHandler = `package chat

import (
	"net/http"

	"github.com/gorilla/websocket"
)

// Handler echoes messages at /ws.
func Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/ws", func(w http.ResponseWriter, r *http.Request) {
		var upgrader websocket.Upgrader
		conn, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer conn.Close()
		for {
			kind, message, err := conn.ReadMessage()
			if err != nil || conn.WriteMessage(kind, message) != nil {
				return
			}
		}
	})
	return mux
}
`

// TestGoTestPage follows docs/go-test.md in a module of its own, with this checkout in place of a clone
// and the gotestsum of this module in place of a download.
func TestGoTestPage(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	dir := filepath.Join(root, "chat")
	sum := filepath.Join(root, "gotestsum")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", sum, "gotest.tools/gotestsum").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	checkout, err := filepath.Abs("../..")
	err = errors.Join(err, os.Mkdir(dir, 0o755), os.Symlink(checkout, filepath.Join(root, "interlock")),
		os.WriteFile(filepath.Join(dir, "chat.go"), []byte(chatHandler), 0o600))
	if err != nil {
		t.Fatal(err)
	}
	run := func(line string) (output string, status int) {
		cmd := exec.CommandContext(t.Context(), "bash", "-ec", line)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
		return string(out), cmd.ProcessState.ExitCode()
	}
	if out, status := run("go mod init example.test/chat"); status != 0 {
		t.Fatal(out)
	}
	printed := ""
	for _, f := range fences(t, "go-test.md", content(t, "../../docs", "go-test.md")) {
		switch f.language {
		case "go":
			if err := os.WriteFile(filepath.Join(dir, f.tag("file")), []byte(f.text), 0o600); err != nil {
				t.Fatal(err)
			}
		case "text":
			want := strings.ReplaceAll("...\n"+f.text+"...\n", "(0.00s)", "(...)")
			if err := sameOutput(want, printed); err != nil {
				t.Errorf("go-test.md:%d: %v\n%s", f.line, err, printed)
			}
		default:
			lines := commandsOf(f.text)
			for i, line := range lines {
				want := 0
				if i == len(lines)-1 {
					want, _ = strconv.Atoi(f.tag("status"))
				}
				line = strings.Replace(line, "go run gotest.tools/gotestsum@"+gotestsumVersion(t), sum, 1)
				if strings.HasPrefix(line, "git clone ") {
					continue // it is there
				}
				status := 0
				if printed, status = run(line); status != want {
					t.Fatalf("go-test.md:%d: %s: got status %d, want %d\n%s", f.line, line, status, want, printed)
				}
			}
		}
	}
	readsUpgrades(t, filepath.Join(dir, "upgrades.xml"))
}

// gotestsumVersion is the version of gotestsum that this module requires.
func gotestsumVersion(t *testing.T) string {
	t.Helper()
	_, after, _ := strings.Cut(content(t, ".", "go.mod"), "gotest.tools/gotestsum ")
	version, _, _ := strings.Cut(after, " ")
	return version
}

// readsUpgrades reads the cases of the probes in a JUnit file, with a library that CI tools use.
func readsUpgrades(t *testing.T, file string) {
	t.Helper()
	suites, err := junit.IngestFile(file)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]junit.Test{}
	for _, suite := range suites {
		for _, test := range suite.Tests {
			found[test.Name] = test
		}
	}
	for name, want := range map[string]junit.Status{
		"TestUpgrades/UPGRADE-POST":                junit.StatusPassed,
		"TestUpgrades/UPGRADE-HTTP10":              junit.StatusFailed,
		"TestUpgrades/UPGRADE-H2C-TUNNEL":          junit.StatusSkipped,
		"TestUpgradesBehindNginx/UPGRADE-HTTP10":   junit.StatusSkipped,
		"TestUpgradesBehindNginx/UPGRADE-POST-CL0": junit.StatusPassed,
	} {
		if got := found[name].Status; got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	failed := found["TestUpgrades/UPGRADE-HTTP10"]
	for _, want := range []string{
		"Server switched protocols on an HTTP/1.0 request", `> GET /ws HTTP/1.0\r\n`, `< HTTP/1.1 101 Switching Protocols\r\n`, "fix: ", "again: go test -run",
	} {
		if !strings.Contains(failed.Error.Error(), want) {
			t.Errorf("the failure has no %q:\n%s", want, failed.Error)
		}
	}
	if reason := found["TestUpgradesBehindNginx/UPGRADE-HTTP10"].Message; !strings.Contains(reason, "nginx rejects HTTP/1.0") {
		t.Errorf("the skipped case says %q", reason)
	}
	if len(found) < 400 {
		t.Errorf("got %d cases", len(found))
	}
}
