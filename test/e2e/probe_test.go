//go:build e2e

package e2e

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/internal/lab"
)

// TestProbesCatchExactlyTheFault probes every faulty backend of the lab. Exactly the failures that
// the backend's entry lists occur.
func TestProbesCatchExactlyTheFault(t *testing.T) {
	t.Parallel()
	for _, b := range lab.Backends() {
		if b.Sound || b.Hostile {
			continue
		}
		t.Run(b.Name, func(t *testing.T) {
			t.Parallel()
			url := "http://" + labServer(t, b.Name) + b.Paths[0]
			p := probe(t, url)
			slow := b.Name == "quadratic" || b.Name == "exponential"
			for again := 0; again < 2 && slow && len(p.with("fail")) < len(b.Caught); again++ {
				p = probe(t, url) // on a busy machine what is slow may not stand out
			}
			p.differ(t, "fail", b.Caught)
			if strings.HasPrefix(b.Name, "origin-") { // whose fault is a warning where nothing says that it is none
				p.differ(t, "warn", append(b.Warned, "UPGRADE-SEQ-REFUSED-PIPELINE"))
			}
			warned := p.with("warn")
			for _, id := range b.Warned {
				if !slices.Contains(warned, id) {
					t.Errorf("%s: want a warning, got %+v", id, p.of(id))
				}
			}
			critical := slices.ContainsFunc(p.results(), func(r answered) bool {
				return slices.ContainsFunc(p.found(r.Probe, "fail"), func(f finding) bool { return f.Severity == "critical" })
			})
			if p.status > 1 || critical && p.status != 1 {
				t.Errorf("got status %d, with a critical finding: %t\n%s", p.status, critical, p.stderr)
			}
		})
	}
}

// longest is the time that a run of all probes against a local backend may take, including retries
// on a busy machine.
const longest = 30 * time.Second

// TestOnlyWhatIsExpectedOfSoundBackends checks that the critical findings are exactly those listed
// in testdata/expected.
func TestOnlyWhatIsExpectedOfSoundBackends(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/expected/*.txt")
	if err != nil || len(files) < 8 {
		t.Fatalf("got %d lists, %v", len(files), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".txt")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, err := lab.Find(name)
			if err != nil {
				t.Fatal(err)
			}
			p := probe(t, "http://"+labServer(t, name)+b.Paths[0])
			expected := expectations(t, file)
			for _, r := range p.results() {
				for _, f := range r.Ruling.Findings {
					key := r.Probe + " " + f.Rule
					_, listed := expected[key]
					if found := f.Verdict == "fail" || f.Verdict == "warn"; found && f.Severity == "critical" && !listed && f.Verdict == "fail" {
						t.Errorf("%s: %s", key, f.Detail)
					} else if found {
						delete(expected, key)
					}
				}
			}
			for key := range expected {
				t.Errorf("%s is expected and was not found", key)
			}
			if p.took > longest {
				t.Errorf("it took %v, want at most %v", p.took, longest)
			}
			if b.Sound && (len(p.with("fail")) > 0 || p.status != 0 || p.Endpoints[0].Degraded) {
				t.Errorf("got status %d, degraded %t, failing %q", p.status, p.Endpoints[0].Degraded, p.with("fail"))
			}
		})
	}
}

// expectations returns the findings that a file lists, one per line: probe, rule, reason.
func expectations(t *testing.T, name string) map[string]string {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all := map[string]string{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "#") {
			continue
		}
		words := strings.SplitN(lines.Text(), " ", 3)
		if len(words) < 3 {
			t.Fatalf("%s: %q has no reason", name, lines.Text())
		}
		all[words[0]+" "+words[1]] = words[2]
	}
	return all
}

// TestNothingPassesWhereNoHandshakeIsAccepted checks that rejections count for nothing if the
// server accepts no valid handshake, and that the output says so.
func TestNothingPassesWhereNoHandshakeIsAccepted(t *testing.T) {
	t.Parallel()
	for name, says := range map[string]string{
		"missing": "the valid handshake got 404", "files": "the valid handshake got 200", "ticket": "--handshake-cmd",
		"limit": "the valid handshake was accepted at first, and then got 429",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := probe(t, "http://"+labServer(t, name)+"/chat")
			p.differ(t, "pass", nil)
			p.differ(t, "fail", nil)
			if p.status != 3 || !strings.Contains(p.stderr, says) || p.Endpoints[0].Degraded != (name == "limit") {
				t.Errorf("got status %d, degraded %t, want 3 and %q\n%s", p.status, p.Endpoints[0].Degraded, says, p.stderr)
			}
		})
	}
}

// TestTheRightHandshakeOpens probes backends that require a header, a subprotocol or credentials,
// after supplying them.
func TestTheRightHandshakeOpens(t *testing.T) {
	t.Parallel()
	for name, each := range map[string]struct {
		flags []string
		step  string
	}{
		"ticket":      {flags: []string{"--handshake-cmd", `echo "Authorization: Bearer $(od -An -N8 -tx8 /dev/urandom | tr -d ' ')"`}},
		"subprotocol": {flags: []string{"--subprotocol", "chat"}},
		"forbidding":  {step: "Origin: http://"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := probe(t, "http://"+labServer(t, name)+"/chat", each.flags...)
			p.differ(t, "fail", nil)
			accepted, step := p.accepted("websocket")
			if p.status != 0 || !accepted || !strings.HasPrefix(step, each.step) || (step == "") != (each.step == "") {
				t.Errorf("got status %d, accepted %t by %q\n%s", p.status, accepted, step, p.stderr)
			}
			for _, id := range []string{"UPGRADE-POST", "UPGRADE-MISSING-CONN", "UPGRADE-INVALID-VER"} {
				if got := p.of(id); got.Verdict != "pass" {
					t.Errorf("%s: got %+v, want a pass", id, got)
				}
			}
		})
	}
}

// TestHostileBackendsAreSurvived checks that the run ends, that its output describes what the
// backend sent, and that it reaches no verdict.
func TestHostileBackendsAreSurvived(t *testing.T) {
	t.Parallel()
	says := map[string]string{
		"hangs": "the valid handshake got no answer in 2s", "closing": "got no answer: the connection was closed",
		"resetting": "got no answer: the connection was reset", "dripping": "the valid handshake got no whole answer in 2s",
		"garbage": `the backend does not answer in HTTP: it begins with "\xde\xad\xbe\xef`,
		"endless": "got interim responses and no final one", "endless-head": "the valid handshake got no whole answer;",
	}
	for _, b := range lab.Backends() {
		if !b.Hostile {
			continue
		}
		t.Run(b.Name, func(t *testing.T) {
			t.Parallel()
			p := probe(t, "http://"+labServer(t, b.Name)+b.Paths[0]) // the probe gives up after its own timeouts
			for _, r := range p.results() {
				if r.Verdict != "unclear" && r.Verdict != "not-applicable" {
					t.Errorf("got %+v, want unclear or not-applicable", r)
				}
			}
			lines := strings.Split(strings.TrimSpace(p.stderr), "\n")
			want := 4 // the plan, the answer, the result, the reason
			if len(p.results()) == 0 {
				want = 2 // the endpoint cannot be probed at all
			}
			if last := lines[len(lines)-1]; p.status != 3 || len(lines) != want || !strings.HasPrefix(last, "interlock: ") || says[b.Name] == "" || !strings.Contains(last, says[b.Name]) {
				t.Errorf("got status %d, want 3, and %d lines with %q\n%s", p.status, want, says[b.Name], p.stderr)
			}
		})
	}
}

// TestABackendThatDiesIsNamed checks that the report names the probe that crashed the backend, and
// that this probe is not sent again.
func TestABackendThatDiesIsNamed(t *testing.T) {
	t.Parallel()
	p := probe(t, "http://"+labServer(t, "dying")+"/chat")
	e := p.Endpoints[0]
	const last = "UPGRADE-WS-VER-DUP-13-99"
	if e.Gone != last || !e.Degraded || !slices.Equal(e.Suspects, []string{last}) {
		t.Errorf("got gone %q, degraded %t, suspects %q, want %s", e.Gone, e.Degraded, e.Suspects, last)
	}
	unsent := p.with("not-sent")
	if want := []string{"CTRL-END", "UPGRADE-WS-VER-DUP-99-13", "UPGRADE-WS-VER-DUP-SAME"}; !slices.Equal(unsent, want) {
		t.Errorf("got %q not sent, want %q", unsent, want)
	}
	for _, id := range unsent {
		if got := p.of(id); got.Reason != "the backend is gone" {
			t.Errorf("%s was not sent because %q", id, got.Reason)
		}
	}
	if says := "the backend is gone: nothing answered after " + last; !strings.Contains(p.text, says) {
		t.Errorf("the report does not say %q\n%s", says, p.text)
	}
}

// TestTheHopIsBlamed puts nginx, configured as its documentation says, in front of a correct
// backend. Every failure is attributed to nginx.
func TestTheHopIsBlamed(t *testing.T) {
	t.Parallel()
	backend := labServer(t, "gorilla")
	front := nginx(t, "", fmt.Sprintf(recipe, backend, ""))
	p := probe(t, "http://"+front+"/chat", "--direct", "http://"+backend+"/chat")
	for _, id := range p.with("fail") {
		if fault := p.of(id).Fault; !strings.Contains(fault, ": the hop in between") {
			t.Errorf("%s: got %q, want it to be the fault of the hop: %+v", id, fault, p.found(id, "fail"))
		}
	}
	for id, repair := range map[string]string{
		"UPGRADE-MISSING-CONN": "it adds Connection", "UPGRADE-CONN-HYPHEN": "it adds Connection", "UPGRADE-HTTP10": "it sends another HTTP version",
	} {
		if got, want := p.of(id).Fault, "direct, switched through: the hop in between; "+repair; !strings.HasSuffix(got, want) {
			t.Errorf("%s: got %q, want %q", id, got, want)
		}
	}
	if !strings.Contains(p.text, "whose fault (direct: http://"+backend+"/chat)") || p.status != 1 {
		t.Errorf("got status %d\n%s", p.status, p.text)
	}
}
