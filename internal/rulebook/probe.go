package rulebook

import (
	"fmt"
	"strings"

	"github.com/interlock-proxy/interlock/internal/run"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// The bounds of a shown probe.
const (
	shownLines = 24  // of one request
	shownBytes = 160 // of one line, as it is written
)

// probeFacts returns the properties of a probe beside its bytes, in one line.
func probeFacts(q *rules.Probe) string {
	facts := []string{fmt.Sprintf("expected: %s (%s)", q.Expectation(), q.Class), "risk: " + q.Risk.String()}
	if q.Control != "" {
		facts = append(facts, "control: "+q.Control)
	}
	if len(q.Also) > 0 {
		facts = append(facts, "a 101 also breaks "+strings.Join(q.Also, ", "))
	}
	return strings.Join(facts, "; ")
}

// probeBytes returns the bytes of a probe on a base, in the notation of transcripts. Lines without
// a mark describe pauses and omissions.
func probeBytes(q *rules.Probe, base *rules.Handshake) string {
	h := q.On(base)
	text := notation(h.First())
	if h.Split > 0 {
		text += fmt.Sprintf("(in two segments, the first of %d bytes)\n", h.Split)
	}
	for _, fact := range run.StreamFacts(h.Stream) {
		text += "(" + fact + ")\n"
	}
	switch {
	case h.Hold == rules.HoldUntil100:
		text += "(once a 100 has come)\n" + notation(h.Content)
	case h.Hold == rules.HoldForever:
		text += "(its content is never sent)\n"
	}
	switch {
	case h.Frames != nil:
		text += "(once the server has switched and answered a ping)\n" + notation(h.After)
	case h.After != "":
		text += "(once the server has switched)\n" + notation(h.After)
	}
	for _, t := range q.Twins {
		text += "(and " + t.Text + ")\n"
	}
	return text
}

// notation returns bytes of a client as in transcripts, without the middle of long ones.
func notation(sent string) string {
	var lines []string
	for line := range strings.Lines(sent) {
		text := wire.Escape([]byte(line))
		if n := len(text); n > shownBytes {
			const head, tail = shownBytes / 2, 16
			text = fmt.Sprintf("%s (%d characters left out) %s", text[:head], n-head-tail, text[n-tail:])
		}
		lines = append(lines, "> "+text+"\n")
	}
	if n := len(lines); n > shownLines {
		const head, tail = 4, 8
		left := fmt.Sprintf("(%d lines left out)\n", n-head-tail)
		lines = append(append(lines[:head:head], left), lines[n-tail:]...)
	}
	return strings.Join(lines, "")
}

// exampleBase is the handshake that the reference shows probes on.
func exampleBase() *rules.Handshake {
	return rules.NewHandshake("http", "staging.test:8080", "/chat", run.SeedKey)
}
