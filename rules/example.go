package rules

import (
	"embed"
	"path"
	"strings"

	"github.com/interlock-proxy/interlock/wire"
)

// examples are the transcripts of the rulebook, which show each rule kept and broken.
//
//go:embed testdata/*/*.wire
var examples embed.FS

// Example is a transcript in which the rule is broken, as text, worst verdict first; ok is false if there is none.
func (r *Rule) Example() (text string, ok bool) {
	dir := "testdata/" + r.ID
	entries, err := examples.ReadDir(dir)
	if err != nil {
		return "", false
	}
	for _, verdict := range []Verdict{Fail, Warn, Unclear} {
		want := wire.Meta{Key: "want", Value: verdict.String() + " " + r.ID}
		for _, e := range entries {
			b, err := examples.ReadFile(path.Join(dir, e.Name()))
			if err != nil {
				continue
			}
			t, err := wire.ParseTranscript(b)
			if err == nil && strings.HasSuffix(e.Name(), ".wire") && contains(t.Meta, want) {
				return t.String(), true
			}
		}
	}
	return "", false
}

func contains(meta []wire.Meta, want wire.Meta) bool {
	for _, m := range meta {
		if m == want {
			return true
		}
	}
	return false
}
