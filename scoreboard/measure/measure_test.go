package measure

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"go.uber.org/goleak"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/scoreboard/recipe"
	"github.com/interlock-proxy/interlock/scoreboard/results"
	"github.com/interlock-proxy/interlock/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestAServerThatEndsIsListed checks that the error says what the server said.
func TestAServerThatEndsIsListed(t *testing.T) {
	p := &prepared{&recipe.Recipe{Command: []string{"sh", "-c", "echo no such port >&2; exit 3"}}, t.TempDir()}
	if _, err := p.start(t.Context()); err == nil || !strings.Contains(err.Error(), "it ended\nno such port") {
		t.Errorf("got %v", err)
	}
	run, err := All(t.Context(), []*recipe.Recipe{{ID: "a", Name: "A", Version: recipe.Version{Debian: "no-such-package"}}}, "", func(line string) { t.Log(line) })
	if err != nil || len(run.Failed) != 1 || !strings.Contains(run.Failed[0].Error, "scoreboard/install a") {
		t.Errorf("got %v and %+v", err, run.Failed)
	}
}

// TestAnInterruptedStartEndsTheServer checks that nothing of a server is left when its start fails.
func TestAnInterruptedStartEndsTheServer(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	dir := t.TempDir()
	fifo := filepath.Join(dir, "pid")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	p := &prepared{&recipe.Recipe{Command: []string{"sh", "-c", "echo $$ > @DIR@/pid; exec sleep 600"}}, dir}
	pids := make(chan string, 1) // one line
	go func() {
		text, _ := os.ReadFile(fifo)
		cancel()
		pids <- strings.TrimSpace(string(text))
	}()
	if _, err := p.start(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	pid, err := strconv.Atoi(<-pids)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("process %d is left: %v", pid, err)
	}
}

// TestCellsWithoutWhatIsNotPublished checks that findings of other rules do not decide a cell.
func TestCellsWithoutWhatIsNotPublished(t *testing.T) {
	x := &wire.Exchange{
		Probe: "UPGRADE-POST", Outcome: wire.Switched, Controls: wire.ControlsAccepted,
		Request:  wire.ReadRequest([]byte("POST / HTTP/1.1\r\n\r\n")),
		Response: wire.ReadResponse([]byte("HTTP/1.1 101 Switching Protocols\r\n\r\n")),
	}
	finding := func(id string, v rules.Verdict) rules.Finding {
		return rules.Finding{Rule: rules.Find(id), Verdict: v, Severity: rules.Critical, Detail: id}
	}
	own := finding("UPGRADE-POST", rules.Pass)
	hidden, shown, passed := finding("UPGRADE-EARLY-DATA", rules.Fail), finding("UPGRADE-POST", rules.Warn), finding("UPGRADE-INTEROP", rules.Pass)
	for _, c := range []struct {
		findings []rules.Finding
		want     results.Cell
	}{
		{[]rules.Finding{hidden, shown, passed}, results.Cell{
			Rule: "UPGRADE-POST", Verdict: "warn", Severity: "critical", Detail: "UPGRADE-POST", Request: x.Request.Raw, Response: x.Response.Raw,
		}},
		{[]rules.Finding{hidden, own, passed}, results.Cell{Rule: "UPGRADE-POST", Verdict: "pass", Severity: "critical"}},
		{[]rules.Finding{hidden, passed}, results.Cell{Rule: "UPGRADE-POST", Verdict: "not-applicable"}},
		{[]rules.Finding{hidden}, results.Cell{Rule: "UPGRADE-POST", Verdict: "not-applicable"}},
	} {
		c.want.Probe, c.want.Outcome, c.want.Status = "UPGRADE-POST", "switched", 101
		got := cellOf(&rules.Ruling{X: x, Verdict: rules.Fail, Findings: c.findings})
		if !Same(got, &c.want) || got.Detail != c.want.Detail || !bytes.Equal(got.Request, c.want.Request) || !bytes.Equal(got.Response, c.want.Response) {
			t.Errorf("got %+v, want %+v", got, c.want)
		}
	}
}

// TestNoPassWithoutAControl checks that a rejection does not pass if the valid handshake was rejected too.
func TestNoPassWithoutAControl(t *testing.T) {
	for controls, want := range map[wire.Controls]string{wire.ControlsAccepted: "pass", wire.ControlsRefused: "not-applicable"} {
		x := &wire.Exchange{Probe: "UPGRADE-H2C-NO-SETTINGS", Outcome: wire.Refused, Controls: controls, Request: wire.ReadRequest([]byte("GET / HTTP/1.1\r\n\r\n"))}
		r := &rules.Ruling{X: x, Findings: []rules.Finding{{Rule: rules.Find("UPGRADE-H2C-NO-SETTINGS"), Verdict: rules.Pass}}}
		if got := cellOf(r); got.Verdict != want {
			t.Errorf("controls %d: got %s, want %s", controls, got.Verdict, want)
		}
	}
}

func TestDiffSaysWhatDiffers(t *testing.T) {
	cell := func(probe, verdict string) results.Cell { return results.Cell{Probe: probe, Verdict: verdict} }
	a := &results.Run{Servers: []results.Server{
		{ID: "a", Version: "1", Cells: []results.Cell{cell("P", "pass"), cell("Q", "fail"), cell("R", "fail")}},
		{ID: "b", Version: "1", Cells: []results.Cell{cell("P", "pass")}},
		{ID: "c", Version: "1"},
	}}
	b := &results.Run{Servers: []results.Server{
		{ID: "a", Version: "1", Cells: []results.Cell{cell("P", "pass"), cell("Q", "warn"), cell("S", "fail")}},
		{ID: "b", Version: "2", Cells: []results.Cell{cell("P", "fail")}},
		{ID: "d", Version: "1"},
	}}
	var got bytes.Buffer
	Diff(a, b).Write(&got)
	want := `b: 1, then 2
a R: in the first only
a S: in the second only
c: in the first only
d: in the second only
a Q: fail   0, then warn   0
1 of 2 cells differ (50.000 %)
`
	if got.String() != want {
		t.Errorf("got\n%s\nwant\n%s", &got, want)
	}
}

func TestThePortThatAServerPrints(t *testing.T) {
	first := make(chan string, 1)
	said := &tail{}
	w := &firstLine{line: first, rest: said}
	for _, part := range []string{"80", "80\nlistening", " on it"} {
		if _, err := w.Write([]byte(part)); err != nil {
			t.Fatal(err)
		}
	}
	if port := <-first; port != "8080" || said.String() != " on it" {
		t.Errorf("got port %q, then %q", port, said)
	}
	_, _ = said.Write(bytes.Repeat([]byte("x"), 2*maxSaid))
	if len(said.String()) != maxSaid {
		t.Errorf("%d bytes are kept", len(said.String()))
	}
}
