package diagnose

import "github.com/interlock-proxy/interlock/rules"

var _ = register(Kind{
	ID: "stripped-upgrade", Family: Stripped, Stages: Answered | Unanswered | Switched,
	Title: "The request has the Sec-WebSocket headers of a handshake, but no Upgrade header",
	Why: `Every WebSocket client sends Upgrade and Connection beside Sec-WebSocket-Key and
Sec-WebSocket-Version. Upgrade and Connection are for one hop only: a proxy that is not told to
forward upgrades removes them and passes the others on. The server then sees an ordinary GET and
answers with 400, 404, 426 or a page.`,
	Refs: []rules.Ref{
		{RFC: "9110", Section: "7.6.1", Text: "a proxy removes Connection and the headers it lists, Upgrade among them"},
		{RFC: "6455", Section: "4.1", Text: "a handshake has Upgrade, Connection, Sec-WebSocket-Key and Sec-WebSocket-Version"},
	},
	Rules: []string{"UPGRADE-WS-KEY-STRAY", "UPGRADE-426-BODY"},
	See: func(v *View) string {
		q := v.Request
		if q.Has("Upgrade") || q.Method != "GET" || !q.Has("Sec-WebSocket-Key") || !q.Has("Sec-WebSocket-Version") {
			return ""
		}
		if q.HasOption("upgrade") {
			return "The handshake reached Interlock without its Upgrade header; Connection still lists it"
		}
		return "The handshake reached Interlock without its Upgrade and Connection headers; the Sec-WebSocket headers are still there"
	},
	Causes: []Cause{
		{Text: "nginx before Interlock removed them", Certainty: rules.Likely, Mark: before("nginx"), Fix: only(forwardUpgrades(), "nginx")},
		{Text: "Envoy before Interlock removed them", Certainty: rules.Likely, Mark: before("Envoy"), Fix: only(forwardUpgrades(), "Envoy")},
		{Text: "The proxy before Interlock removed them", Certainty: rules.Likely, Mark: beforeAny, Fix: forwardUpgrades()},
		{Text: "A proxy that leaves no trace in the request removed them, or a program that is no WebSocket client sent them", Certainty: rules.Possible, Fix: forwardUpgrades()},
	},
})

// before returns a mark for a proxy of that name between the client and Interlock.
func before(name string) func(*View) string {
	return func(v *View) string {
		if found, basis := v.HopBefore(); found == name {
			return basis
		}
		return ""
	}
}

// beforeAny is the mark of any proxy between the client and Interlock.
func beforeAny(v *View) string {
	_, basis := v.HopBefore()
	return basis
}
