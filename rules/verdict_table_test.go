package rules

import (
	"fmt"
	"testing"

	"github.com/interlock-proxy/interlock/wire"
)

// handshake is a WebSocket handshake by POST over HTTP/1.0. It makes two rules applicable:
// UPGRADE-POST, which binds the client, and UPGRADE-HTTP10, which binds the server.
const handshake = "POST /chat HTTP/1.0\r\nHost: staging.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
	"Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==\r\nSec-WebSocket-Version: 13\r\nContent-Length: 1\r\n\r\n"

// exchange returns that handshake with its result: a status, or the outcome without one.
func exchange(status int, outcome wire.Outcome, cause wire.Cause) *wire.Exchange {
	x := &wire.Exchange{
		Origin: wire.OriginLive, Complete: true, BodyDone: true, Request: wire.ReadRequest([]byte(handshake)),
		Outcome: outcome, Cause: cause,
	}
	if status != 0 {
		x.Response = wire.ReadResponse(fmt.Appendf(nil, "HTTP/1.1 %d Whatever\r\n\r\n", status))
	}
	return x
}

// A tableRow is a result of that handshake and the verdicts that follow from it.
type tableRow struct {
	name     string
	status   int
	outcome  wire.Outcome
	cause    wire.Cause
	withheld bool

	client, server                       Verdict // live: a rule that binds the client, one that binds the server
	controlled, uncontrolled, unanswered Verdict // a probe, either rule
}

// TestVerdictTable checks the verdict table of the design, row by row.
func TestVerdictTable(t *testing.T) {
	const na = NotApplicable
	for _, row := range []tableRow{
		{"101", 101, wire.Switched, "", false, Fail, Fail, Fail, Fail, Fail},
		{"400", 400, wire.Refused, "", false, Warn, Pass, Pass, na, na},
		{"405", 405, wire.Refused, "", false, Warn, Pass, Pass, na, na},
		{"426", 426, wire.Refused, "", false, Warn, Pass, Pass, na, na},
		{"407", 407, wire.Refused, "", false, Warn, Pass, Unclear, na, na},
		{"429", 429, wire.Refused, "", false, Warn, Pass, Unclear, na, na},
		{"503", 503, wire.Refused, "", false, Warn, Pass, Unclear, na, na},
		{"401", 401, wire.Refused, "", false, Warn, Pass, Pass, na, na},
		{"403", 403, wire.Refused, "", false, Warn, Pass, Pass, na, na},
		{"200", 200, wire.Ignored, "", false, Warn, Pass, Warn, na, na},
		{"301", 301, wire.Redirected, "", false, Warn, Pass, Warn, na, na},
		{"500", 500, wire.Refused, "", false, Warn, Pass, Warn, na, na},
		{"closed without a byte", 0, wire.Closed, wire.CauseServer, false, Unclear, Unclear, Warn, Unclear, Unclear},
		{"reset without a byte", 0, wire.Closed, wire.CauseServerReset, false, Unclear, Unclear, Warn, Unclear, Unclear},
		{"silence", 0, wire.Silent, "", false, Unclear, Unclear, Unclear, Unclear, Unclear},
		{"silence, body withheld", 0, wire.Silent, "", true, Unclear, Unclear, Pass, Unclear, Unclear},
		{"the client left", 0, wire.Closed, wire.CauseClient, false, Unclear, Unclear, Unclear, Unclear, Unclear},
		{"noise", 0, wire.Opaque, "", false, Unclear, Unclear, Unclear, Unclear, Unclear},
		{"Interlock answered", 0, wire.Local, wire.CauseDial, false, na, na, na, na, na},
	} {
		row.check(t)
	}
}

// check compares the row with a live exchange and with a probe.
func (row tableRow) check(t *testing.T) {
	x := exchange(row.status, row.outcome, row.cause)
	x.BodyDone = !row.withheld
	r := Classify(Case{X: x})
	if got, party := verdict(r, "UPGRADE-POST"); got != row.client || got == Fail && party != Server || got == Warn && party != Client {
		t.Errorf("%s, live, rule of the client: got %s by %s, want %s", row.name, got, party, row.client)
	}
	if got, party := verdict(r, "UPGRADE-HTTP10"); got != row.server || party != Server {
		t.Errorf("%s, live, rule of the server: got %s by %s, want %s", row.name, got, party, row.server)
	}
	x.Origin = wire.OriginProbe
	for controls, want := range map[wire.Controls]Verdict{
		wire.ControlsAccepted: row.controlled, wire.ControlsRefused: row.uncontrolled, wire.BackendGone: row.unanswered,
	} {
		for _, id := range []string{"UPGRADE-POST", "UPGRADE-HTTP10"} {
			x.Controls = controls
			r := Classify(Case{X: x})
			if got, party := verdict(r, id); got != want || party != Server {
				t.Errorf("%s, probe, controls %d, %s: got %s by %s, want %s by server", row.name, controls, id, got, party, want)
			}
		}
	}
}

func verdict(r *Ruling, id string) (Verdict, Party) {
	if f := r.Find(id); f != nil {
		return f.Verdict, f.Party
	}
	return NotApplicable, Server
}

func TestFilterMayHaveAnswered(t *testing.T) {
	x := exchange(403, wire.Refused, "")
	x.Origin = wire.OriginProbe
	x.Controls = wire.ControlsAccepted
	f := Classify(Case{X: x}).Find("UPGRADE-POST")
	if want := "a filter in front may have answered"; f.Detail != want {
		t.Errorf("got %q, want %q", f.Detail, want)
	}
}
