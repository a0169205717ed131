package run

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/internal/exit"
	"github.com/interlock-proxy/interlock/internal/probe"
	"github.com/interlock-proxy/interlock/internal/report"
	"github.com/interlock-proxy/interlock/internal/terminal"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// TestASeedThatWasNotSentIsNoSuccess checks that a run without one of the five seed probes reports
// this, unless the flags left the probe out by name or by protocol.
func TestASeedThatWasNotSentIsNoSuccess(t *testing.T) {
	run := func(protocols []string, notSent ...string) *site {
		p := &site{run: &Probing{Flags: &ProbeFlags{Protocols: protocols}, reports: &Reports{}}}
		p.tally.conclusive = 1
		for _, id := range notSent {
			p.was.NotSent = append(p.was.NotSent, probe.NotSent{Probe: rules.FindProbe(id), Reason: "a reason"})
		}
		return p
	}
	p := run(nil, "UPGRADE-METHOD-PUT", "UPGRADE-POST")
	var failed exit.Error
	if err := p.inconclusive(); !errors.As(err, &failed) || failed.Status != exit.StatusUnknown || !strings.Contains(err.Error(), "not sent, and not left out by name: UPGRADE-POST; ") {
		t.Errorf("got %v", err)
	}
	for _, c := range []struct {
		protocols, notSent, want []string
	}{
		{nil, nil, nil}, // probes left out by name are not among them
		{nil, []string{"UPGRADE-BODY-CL"}, nil},
		{nil, []string{"UPGRADE-UNKNOWN"}, []string{"UPGRADE-UNKNOWN"}},
		{[]string{"h2c"}, []string{"UPGRADE-POST", "UPGRADE-UNKNOWN"}, nil},
		{[]string{"websocket"}, []string{"UPGRADE-POST", "UPGRADE-UNKNOWN"}, []string{"UPGRADE-POST"}},
	} {
		if got := run(c.protocols, c.notSent...).missingSeeds(); !slices.Equal(got, c.want) {
			t.Errorf("%v without %v: got %v missing, want %v", c.protocols, c.notSent, got, c.want)
		}
	}
}

// TestAPipeGetsTheResultsOfARunAtOnce takes one result of a probe, which has more than 4 KiB, while the run goes on.
func TestAPipeGetsTheResultsOfARunAtOnce(t *testing.T) {
	var out bytes.Buffer
	reports, err := OpenReports([]string{"ndjson"}, terminal.NewScreen(&out, new(bytes.Buffer)), report.Options{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer reports.Abandon()
	s := &site{run: &Probing{Flags: &ProbeFlags{}, Accepting: &Accepting{}, reports: reports}}
	x := &wire.Exchange{
		Final: true, Complete: true, Origin: wire.OriginProbe, Outcome: wire.Refused, Response: wire.ReadResponse([]byte("HTTP/1.1 400 Bad Request\r\n\r\n")),
		Request: wire.ReadRequest([]byte("GET /chat HTTP/1.1\r\nHost: a.test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nX-Fill: " + strings.Repeat("a", 8<<10) + "\r\n\r\n")),
	}
	s.entered(rules.Classify(rules.Case{X: x}))
	if out.Len() < 8<<10 {
		t.Errorf("%d bytes were written", out.Len())
	}
}
