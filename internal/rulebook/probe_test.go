package rulebook

import (
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// TestTheReferenceShowsWhatIsSent compares the request that the reference shows for each probe with
// the bytes that the probe sends first, and checks that omissions are marked.
func TestTheReferenceShowsWhatIsSent(t *testing.T) {
	short := 0
	for _, p := range rules.Probes() {
		text := probeBytes(p, exampleBase())
		if len(text) > 4096 {
			t.Errorf("%s takes %d bytes to show", p.ID, len(text))
		}
		if strings.Contains(text, "left out)") {
			short++
			continue
		}
		sent, _, _ := strings.Cut(text, "(")
		transcript, err := wire.ParseTranscript([]byte("\n" + sent))
		if err != nil {
			t.Fatalf("%s: %v", p.ID, err)
		}
		if got, want := string(transcript.Chunks[0].Bytes), p.On(exampleBase()).First(); got != want {
			t.Errorf("%s shows %q, want %q", p.ID, got, want)
		}
	}
	if short != 15 {
		t.Errorf("%d probes are shortened, want those with many fields, a long value or a long ping", short)
	}
}
