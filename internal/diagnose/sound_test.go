package diagnose_test

import (
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/internal/diagnose"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// TestNothingIsExplainedWithoutNeed holds that the traffic of real clients, and every other exchange of the rules'
// corpus that is a valid handshake with a good 101, has no diagnosis but that its offer is normal.
func TestNothingIsExplainedWithoutNeed(t *testing.T) {
	captured, accepted := 0, 0
	for _, name := range ruleTranscripts(t) {
		if isProbe(read(t, name)) || isAboutAnEnd(name) {
			continue
		}
		for _, x := range read(t, name).Exchanges(wire.Common{Origin: originOf(read(t, name))}) {
			r := rules.Classify(rules.Case{X: x})
			live := strings.Contains(name, "/SOUND/")
			if x.Stream != nil && x.Outcome != wire.Switched { // sound, and explained like any refusal
				continue
			}
			if !live && !(r.Benign() && rules.Accepted(x) && r.Verdict != rules.Unclear) {
				continue
			}
			if accepted++; live {
				captured++
			}
			for _, d := range diagnose.Of(r) {
				if diagnose.Find(d.ID).Family != diagnose.Normal {
					t.Errorf("%s: %s: %s", name, d.ID, d.Text)
				}
			}
		}
	}
	t.Logf("0 of %d exchanges, %d of real clients", accepted, captured)
	if captured < 12 || accepted < 100 {
		t.Errorf("only %d exchanges, %d of real clients", accepted, captured)
	}
}

// isAboutAnEnd reports whether a transcript of the corpus is about the end of a tunnel, which has a diagnosis although
// no rule is broken: a close code, a ping without an answer, a message that is too big.
func isAboutAnEnd(name string) bool {
	return strings.Contains(name, "/UPGRADE-WS-CLOSE-BODY/") || strings.Contains(name, "/UPGRADE-WS-PONG/") ||
		strings.Contains(name, "/UPGRADE-WS-MESSAGE-LIMIT/")
}

// isProbe reports whether Interlock was the client, of a server or of a proxy.
func isProbe(tr *wire.Transcript) bool {
	return slices.ContainsFunc(tr.Meta, func(m wire.Meta) bool {
		return m.Key == "probe" || m.Key == "origin" && m.Value == string(wire.OriginChain)
	})
}

func ruleTranscripts(t *testing.T) (names []string) {
	t.Helper()
	err := filepath.WalkDir("../../rules/testdata", func(name string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(name, ".wire") {
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// originOf is the origin that a transcript names; empty if it names none.
func originOf(tr *wire.Transcript) wire.Origin {
	for _, m := range tr.Meta {
		if m.Key == "origin" {
			return wire.Origin(m.Value)
		}
	}
	return ""
}
