//go:build e2e

package e2e

import (
	"bufio"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestHolesOfReleases probes releases of packages for Node.js with a published hole, and the release
// that mended it. The probes that are meant for the hole find it, and nothing at the mended release.
func TestHolesOfReleases(t *testing.T) {
	t.Parallel()
	const names, blanks, quoted = "UPGRADE-WS-*-PROTONAME", "UPGRADE-WS-PROTO-REDOS", "UPGRADE-WS-EXT-*"
	for _, c := range []struct {
		packages    []string
		only        string
		probe, rule string // that finds the hole; empty: it is mended
	}{
		{[]string{"ws-3.3.0"}, names, "UPGRADE-WS-EXT-PROTONAME", "UPGRADE-CRASH"},
		{[]string{"ws-3.3.1"}, names, "", ""},
		{[]string{"ws-7.4.5"}, blanks, "UPGRADE-WS-PROTO-REDOS", "UPGRADE-SLOW-HEADER"},
		{[]string{"ws-7.4.6"}, blanks, "", ""},
		{[]string{"faye-websocket", "websocket-extensions-0.1.3"}, quoted, "UPGRADE-WS-EXT-REDOS", "UPGRADE-SLOW-HEADER"},
		{[]string{"faye-websocket", "websocket-extensions-0.1.4"}, quoted, "", ""},
	} {
		t.Run(strings.Join(c.packages, " "), func(t *testing.T) {
			t.Parallel()
			url := "http://127.0.0.1:" + oldServer(t, c.packages...) + "/"
			p := probe(t, url, "--only", c.only, "--wait-backend", "1s")
			var want []string
			if c.probe != "" {
				want = []string{c.probe + " " + c.rule}
			}
			for again := 0; again < 2 && c.rule == "UPGRADE-SLOW-HEADER" && len(p.failed()) == 0; again++ {
				p = probe(t, url, "--only", c.only, "--wait-backend", "1s") // on a busy machine what is slow may not stand out
			}
			if failed := p.failed(); !slices.Equal(failed, want) {
				t.Errorf("got %q, want %q\n%s", failed, want, p.text)
			}
		})
	}
}

// failed returns each finding that is a failure as "PROBE RULE".
func (p *probed) failed() (all []string) {
	for _, r := range p.results() {
		for _, f := range p.found(r.Probe, "fail") {
			all = append(all, r.Probe+" "+f.Rule)
		}
	}
	return all
}

// oldServer starts node/old-server.mjs and returns its port.
func oldServer(t *testing.T, packages ...string) string {
	t.Helper()
	// The size lets long values in: without it Node.js answers 431, and hides how long the package takes.
	port, end := nodeProgram(t, append([]string{"--max-http-header-size=131072", "node/old-server.mjs"}, packages...)...)
	t.Cleanup(func() { end() }) // the status does not matter: it may still be busy with a long value, and is killed then
	return port
}

// nodeProgram starts a server that prints its port and ends with its standard input. The returned
// function ends it, and returns how it ended: with status 0, unless it had crashed before, or hung
// and was killed.
func nodeProgram(t *testing.T, args ...string) (port string, end func() (status int, stderr string)) {
	t.Helper()
	cmd := exec.Command(program(t, "node", "nodejs"), args...)
	stdin, err1 := cmd.StdinPipe()
	stdout, err2 := cmd.StdoutPipe()
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := errors.Join(err1, err2, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	line, _ := bufio.NewReader(stdout).ReadString('\n')
	end = func() (int, string) {
		defer time.AfterFunc(10*time.Second, func() { _ = cmd.Process.Kill() }).Stop()
		_ = stdin.Close()
		_, _ = io.Copy(io.Discard, stdout)
		_ = cmd.Wait() // fails if it has crashed
		return cmd.ProcessState.ExitCode(), stderr.String()
	}
	if line == "" {
		status, text := end()
		t.Fatalf("%q does not listen: status %d\n%s", args, status, text)
	}
	return strings.TrimSpace(line), end
}
