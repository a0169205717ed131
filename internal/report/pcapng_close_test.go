package report

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/internal/capture"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
	"github.com/interlock-proxy/interlock/wire/ws"
)

// TestCloseCodesSurvivePackets writes the tunnels of the transcripts as packets, without their payload, and
// reads these as a capture. The Close frames have the same codes, in both versions of HTTP, and what is
// found about frames is the same, except where only payload shows it.
func TestCloseCodesSurvivePackets(t *testing.T) {
	files, err := filepath.Glob("../../rules/testdata/*/*.wire")
	if err != nil {
		t.Fatal(err)
	}
	compared := map[bool]int{} // with a Close frame, by whether the version is HTTP/2
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		transcript, err := wire.ParseTranscript(text)
		if err != nil || transcript.HasFar() {
			continue
		}
		for _, x := range transcript.Exchanges(wire.Common{Route: "default", Client: "192.0.2.8:5000", Backend: "192.0.2.9:8080"}) {
			if f := x.After.Frames; f == nil || f.Sides[ws.Client].Close == nil && f.Sides[ws.Server].Close == nil || x.After.ClientBytes > 64 || x.After.ServerBytes > 64 {
				continue // reports have the first 64 bytes of a side
			}
			againAsPackets(t, name, x)
			compared[x.Stream != nil]++
		}
	}
	if compared[false] < 40 || compared[true] < 3 {
		t.Errorf("compared %d tunnels with Close frames in HTTP/1.1 and %d in HTTP/2", compared[false], compared[true])
	}
}

// againAsPackets compares a tunnel with what is read of it as packets.
func againAsPackets(t *testing.T, name string, x *wire.Exchange) {
	t.Helper()
	r := rules.Classify(rules.Case{X: x})
	var found []*wire.Exchange
	reader := capture.Reader{Observe: func(x *wire.Exchange) { found = append(found, x) }}
	if _, err := reader.Read(strings.NewReader(render(t, "pcapng", Options{}, []*rules.Ruling{r}))); err != nil || len(found) == 0 {
		t.Errorf("%s: %d exchanges, %v", name, len(found), err)
		return
	}
	again := found[len(found)-1]
	if again.After.Frames == nil {
		t.Errorf("%s: no frames", name)
		return
	}
	for from := range again.After.Frames.Sides {
		got, want := again.After.Frames.Sides[from].Close, x.After.Frames.Sides[from].Close
		if (got == nil) != (want == nil) || got != nil && got.Code != want.Code {
			t.Errorf("%s: %v closes with %+v, want %+v", name, ws.Side(from), got, want)
		}
	}
	if got, want := aboutFrames(rules.Classify(rules.Case{X: again})), aboutFrames(r); !slices.Equal(got, want) {
		t.Errorf("%s: got %v, want %v", name, got, want)
	}
}

// aboutFrames are the rules about frames that a ruling breaks, and that do not depend on payload or, in
// HTTP/2, on how the connection ends.
func aboutFrames(r *rules.Ruling) (all []string) {
	for _, id := range r.Broken() {
		switch id {
		case "UPGRADE-WS-MASKED-SERVER", "UPGRADE-WS-UNMASKED", "UPGRADE-WS-RSV", "UPGRADE-WS-OPCODE", "UPGRADE-WS-CONTROL", "UPGRADE-WS-LENGTH",
			"UPGRADE-WS-CLOSE-BODY", "UPGRADE-WS-AFTER-CLOSE", "UPGRADE-WS-MASK-CONST":
			all = append(all, id)
		case "UPGRADE-WS-CLOSE-UNANSWERED":
			if r.X.Stream == nil {
				all = append(all, id)
			}
		}
	}
	slices.Sort(all)
	return all
}
