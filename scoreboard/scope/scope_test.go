package scope

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/rules"
)

var update = flag.Bool("update", false, "write the list of what is left out")

const listed = "testdata/left-out.txt"

// TestWhatIsLeftOutIsListed compares the probes that are left out with a list that people read. A new
// probe has to be looked at: if it is not to be published, its rule belongs into topic.
func TestWhatIsLeftOutIsListed(t *testing.T) {
	var b strings.Builder
	b.WriteString("# Probes that the scoreboard does not send, and why. go -C scoreboard test ./scope -update writes this list.\n")
	for _, l := range LeftOut() {
		fmt.Fprintf(&b, "%-34s %s\n", l.Probe, l.Reason)
	}
	b.WriteString("\n# Probes that it sends, by rule.\n")
	by := map[string][]string{}
	for _, p := range Probes() {
		by[p.Rule().ID] = append(by[p.Rule().ID], p.ID)
	}
	for _, r := range rules.All() {
		if ids := by[r.ID]; len(ids) > 0 {
			slices.Sort(ids)
			fmt.Fprintf(&b, "%s: %s\n", r.ID, strings.Join(ids, " "))
		}
	}
	b.WriteString("\n# Rules whose findings are left out, whatever probe they are about.\n")
	for _, r := range rules.All() {
		if reason := RuleReason(r); reason != "" {
			fmt.Fprintf(&b, "%-34s %s\n", r.ID, reason)
		}
	}
	if *update {
		if err := os.WriteFile(listed, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(listed)
	if err != nil || string(want) != b.String() {
		t.Errorf("%s does not list what is left out (%v); go -C scoreboard test ./scope -update, and read the difference", listed, err)
	}
}

// TestNothingRiskyIsSent checks the properties that the scoreboard promises, by the requests
// themselves.
func TestNothingRiskyIsSent(t *testing.T) {
	hole := regexp.MustCompile(`-(CANARY|AUTH|IDENTITY|EARLY|BODY|ORIGIN|FRAME|SEQ|CLTE|UDP|TUNNEL)(-|$)`)
	for _, p := range Probes() {
		h := p.On(rules.NewHandshake("http", "server.test", "/", "dGhlIHNhbXBsZSBub25jZQ=="))
		switch {
		case p.Risk == rules.Crash, p.HTTP2(), p.Frames != nil, h.Content != "", h.Early != "", h.Ahead != "", h.Lures(), len(p.Twins) > 0:
			t.Errorf("%s is sent", p.ID)
		case hole.MatchString(p.ID):
			t.Errorf("%s is sent", p.ID)
		}
	}
	if n := len(Probes()); n < 120 {
		t.Errorf("only %d probes are sent", n)
	}
}
