package report

import (
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// looked are the rules whose findings are in the reports of these tests, so that a rule more does
// not change them.
var looked = []string{"UPGRADE-POST", "UPGRADE-MISSING-CONN", "UPGRADE-101-NOT-OFFERED", "UPGRADE-WS-ACCEPT-MISSING", "UPGRADE-INVALID-VER"}

// rulings are those of some transcripts, of two files.
func rulings(t testing.TB) (all []*rules.Ruling) {
	t.Helper()
	for i, name := range []string{
		"TUTORIAL/mdn-websocket", "UPGRADE-POST/switched-on-post", "UPGRADE-POST/switched-on-post", "UPGRADE-MISSING-CONN/switched-without-connection",
		"UPGRADE-POST/refused-post", "UPGRADE-POST/silent-on-post",
	} {
		text, err := os.ReadFile("../../rules/testdata/" + name + ".wire")
		if err != nil {
			t.Fatal(err)
		}
		transcript, err := wire.ParseTranscript(text)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range transcript.Exchanges(wire.Common{Route: "default", Backend: "192.0.2.9:8080"}) {
			all = append(all, judged(x, fmt.Sprintf("file-%d.wire", i/3+1), len(all)))
		}
	}
	const hostile = "GET /\x1b[31m\xe2\x80\xae%n'\\?token=secret HTTP/1.0\r\nHost: $(reboot)\r\nUpgrade: websocket\r\n\r\n"
	x := &wire.Exchange{
		Origin: wire.OriginFile, Route: "default", Request: wire.ReadRequest([]byte(hostile)), Final: true, Complete: true, Outcome: wire.Switched,
		Response: wire.ReadResponse([]byte("HTTP/1.1 101 \x1b[2J\r\nUpgrade: websocket\r\n\r\n")), Lossy: []string{"bytes", "aftermath"},
	}
	return append(all, judged(x, "evil\x1b[31m.har", len(all)))
}

// probed are the same as probes of two endpoints, each with a state that a baseline or an accept
// gave it.
func probed(t testing.TB) (all []*rules.Ruling) {
	t.Helper()
	states := []string{"", "new", "known", "accepted", "", "reproduced", "new"}
	probes := []string{"CTRL-WS", "UPGRADE-POST", "UPGRADE-POST-BODY", "UPGRADE-MISSING-CONN", "UPGRADE-POST-REFUSED", "UPGRADE-POST-SILENT", "UPGRADE-HOSTILE"}
	for i, r := range rulings(t) {
		x, is := *r.X, *r
		x.Origin, x.Probe, is.X, is.Run = wire.OriginProbe, probes[i], &x, "01JRUN"
		is.Findings = slices.Clone(r.Findings)
		for j := range is.Findings {
			if f := &is.Findings[j]; f.Verdict < rules.Pass {
				f.State = states[i]
			}
		}
		all = append(all, &is)
	}
	mended, x := *all[0], *all[0].X
	x.Probe, x.ID, mended.X, mended.Endpoint = "UPGRADE-101-NOT-OFFERED", "01JMENDED", &x, "/mended"
	mended.Findings = slices.Clone(mended.Findings)
	mended.Findings[0].State = "fixed"
	return append(all, &mended)
}

func judged(x *wire.Exchange, run string, n int) *rules.Ruling {
	copied := *x
	copied.ID = fmt.Sprintf("01J%023d", n)
	r := rules.Classify(rules.Case{X: &copied})
	r.Run, r.Verdict, r.Unsafe = run, rules.NotApplicable, false
	r.Findings = slices.DeleteFunc(r.Findings, func(f rules.Finding) bool { return !slices.Contains(looked, f.Rule.ID) })
	for _, f := range r.Findings {
		r.Verdict = min(r.Verdict, f.Verdict)
		r.Unsafe = r.Unsafe || f.Verdict == rules.Fail && f.Severity == rules.Critical && x.Outcome == wire.Switched
	}
	return r
}
