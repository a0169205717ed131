package rules

import "github.com/interlock-proxy/interlock/wire"

// The names of the twins in HTTP/1.1.
const (
	twinHTTP1 = "http1"       // the request with the same defect
	twinValid = "http1-valid" // the valid handshake
)

// skippedSeverities are the severities of UPGRADE-H2-CHECK-SKIPPED: how bad it is that a check is left
// out, by ID of the probe.
func skippedSeverities() map[string]Severity {
	return map[string]Severity{
		"UPGRADE-H2-CHECK-AUTH": Critical, "UPGRADE-H2-CHECK-ORIGIN": High, "UPGRADE-H2-CHECK-ORIGIN-NULL": High,
		"UPGRADE-H2-CHECK-VERSION": Medium, "UPGRADE-H2-CHECK-VERSION-NONE": Medium,
		"UPGRADE-H2-CHECK-SUBPROTOCOL": Low, "UPGRADE-H2-CHECK-EXTENSION": Low,
	}
}

var _ = register(Rule{
	ID: "UPGRADE-H2-CHECK-SKIPPED", Level: Must, Party: Server,
	Severity: Severities{Refused: Low, Switched: High, Worst: Critical}, Since: "0.1",
	Versions: HTTP2,
	Title:    "A server checks a WebSocket over HTTP/2 as it checks one over HTTP/1.1",
	Problem: Problems{
		Switched: "Server opened over HTTP/2 what it rejects over HTTP/1.1 with %s: %s",
	},
	Label: "Check left out in HTTP/2",
	Refs: []Ref{
		{"8441", "5", "Origin, Sec-WebSocket-Version, -Protocol and -Extensions mean in HTTP/2 what they mean in HTTP/1.1"},
		{"6455", "4.2.1", "the server rejects a handshake that does not meet the requirements"},
	},
	Why: `WebSockets over HTTP/2 often have a handler of their own, or come through a gateway
that writes a new handshake, and the checks of the old handler are not there: the origin of a page of
another site, the login, the version. Whoever tests the service over HTTP/1.1 sees a rejection, and
browsers use HTTP/2 wherever it is offered.`,
	Fix: `Apply the same checks to both: one function, before the 101 and before the 200. In a gateway,
	forward Origin, Cookie and Authorization of an extended CONNECT, and check that the server behind it
	sees them.`,
	When: func(c *Case) bool { return c.brings("UPGRADE-H2-CHECK-SKIPPED") && c.twin(twinHTTP1) != nil },
	Judge: func(c *Case) Result {
		one, valid := c.twin(twinHTTP1), c.twin(twinValid)
		switch {
		case one.Response == nil || isBusy(one.Response.Status) || one.Response.Status >= 500 && one.Response.Status != 501:
			return c.result(NotApplicable)
		case one.Outcome == wire.Switched: // it is not checked there either
			return c.result(NotApplicable)
		case valid == nil && denial(one) == "", valid != nil && !Accepted(valid): // something else is wrong
			return c.result(NotApplicable)
		case c.switched && c.status() != 101:
			return c.result(Fail).rated(skippedSeverities()[c.probe.ID])
		}
		return c.result(Pass)
	},
	Show: func(c *Case, _ Result) Shown {
		return seen(append(c.inRequest(":method", "Origin", versionField, protocolField, extensionField), c.inResponse()...),
			answerLine(c.twin(twinHTTP1)), c.probe.Label)
	},
	Probes: checkProbes(),
})

// checkProbes are handshakes with a defect that servers check for, in HTTP/2 and as twins in HTTP/1.1.
func checkProbes() (all []Probe) {
	const evil = "://interlock-evil.invalid"
	origin := func(h *Handshake) string { return h.Scheme + evil }
	for _, each := range []struct {
		name, label string
		edit        Edit
	}{
		{"ORIGIN", "Origin of another site", SetTo(originField, origin)},
		{"ORIGIN-NULL", "Origin: null", Set(originField, "null")},
		{"VERSION", "Sec-WebSocket-Version: 99", Set(versionField, "99")},
		{"VERSION-NONE", "No Sec-WebSocket-Version", Without(versionField)},
		{"SUBPROTOCOL", "Sec-WebSocket-Protocol: a/b", Set(protocolField, "a/b")},
		{"EXTENSION", "Sec-WebSocket-Extensions: ;;=", Set(extensionField, ";;=")},
	} {
		all = append(all, Probe{
			ID: "UPGRADE-H2-CHECK-" + each.name, Label: each.label + ", in both versions", Class: Differential, Control: HTTP2WebSocket, Versions: true,
			Want: sameInBoth, Edit: Edits(each.edit, Extended()),
			Twins: []Twin{
				{Name: twinHTTP1, Text: "the same in HTTP/1.1", Edit: each.edit},
				{Name: twinValid, Text: "the valid handshake in HTTP/1.1"},
			},
		})
	}
	return append(all, Probe{
		ID: "UPGRADE-H2-CHECK-AUTH", Label: "No credentials, in both versions", Class: Differential, Control: HTTP2WebSocket, Versions: true, At: AtProtected,
		Want: sameInBoth, Edit: Edits(Anonymous(), Extended()),
		Twins: []Twin{{Name: twinHTTP1, Text: "the same in HTTP/1.1", Edit: Anonymous()}},
	})
}

const sameInBoth = "A rejection wherever HTTP/1.1 gets one"
