package diagnose

import (
	"fmt"
	"strings"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

var _ = register(Kind{
	ID: "reconnect-storm", Family: Ended, Stages: Any, Over: EveryVersion,
	Title: "A client that fails at an endpoint comes again at once, and again",
	Why: `A client whose handshake is rejected or whose tunnel ends soon is to wait before it tries again:
a random time first, then longer and longer. One that does not keeps a server busy, and when many do
so after an outage, they keep it from coming back.`,
	Refs: []rules.Ref{{RFC: "6455", Section: "7.2.3", Text: "a client that reconnects after an abnormal end waits for a random and then growing time"}},
	See: func(v *View) string {
		s := v.Seen.Storm
		if s == nil {
			return ""
		}
		return fmt.Sprintf("A client came to %s %d times within %s and failed each time; it comes again after %s, and the pause does not grow",
			wire.Escape([]byte(v.Ruling.Endpoint)), s.Count, seconds(s.Within), seconds(s.Pause))
	},
	Causes: []Cause{
		{Text: "The client reconnects although its credentials are not accepted: it should ask the user or renew its token first", Certainty: rules.Likely, Mark: deniedMark, Fix: append([]Remedy{
			{"", "Do not reconnect after 401 and 403, and after close codes 1008, 3000 and 4401"},
		}, waitLonger()...)},
		{Text: "The client reconnects without a back-off", Certainty: rules.Possible, Fix: waitLonger()},
	},
})

// deniedMark is the mark of a handshake or a tunnel that wants other credentials.
func deniedMark(v *View) string {
	switch w := v.finish().closing; {
	case v.Status() == 401 || v.Status() == 403:
		return fmt.Sprintf("status %d", v.Status())
	case w.Code == 1008 || w.Code == 3000 || w.Code == 4401:
		return fmt.Sprintf("close code %d", w.Code)
	}
	return ""
}

// waitLonger is how clients wait before they reconnect.
func waitLonger() []Remedy {
	return []Remedy{
		{"Browser", "setTimeout(connect, Math.random() * Math.min(30000, 1000 * 2 ** attempt)); set attempt to 0 once a tunnel has lasted for a minute"},
		{"socket.io", "io(url, { reconnectionDelay: 1000, reconnectionDelayMax: 30000, randomizationFactor: 0.5 })"},
		{"SignalR", "withAutomaticReconnect([0, 2000, 10000, 30000])"},
		{"Python (websockets)", "async for websocket in connect(url): waits longer and longer by itself"},
		{"HAProxy", "stick-table type ip store conn_rate(10s), with http-request deny if { sc_conn_rate(0) gt 20 }, limits such clients"},
	}
}

// hostOf is an address without its port.
func hostOf(address string) string {
	if i := strings.LastIndexByte(address, ':'); i > 0 {
		return address[:i]
	}
	return address
}
