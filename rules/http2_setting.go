package rules

import (
	"slices"
	"strconv"

	"github.com/interlock-proxy/interlock/wire"
	"github.com/interlock-proxy/interlock/wire/h2"
)

var _ = register(Rule{
	ID: "UPGRADE-H2-SETTING-VALUE", Level: Must, Party: Server,
	Severity: Severities{Refused: Low, Switched: Low}, Since: "0.1",
	Versions: HTTP2,
	Title:    "A client and a server send SETTINGS_ENABLE_CONNECT_PROTOCOL with the value 0 or 1",
	Problem: Problems{
		Switched: "%s sent SETTINGS_ENABLE_CONNECT_PROTOCOL with the value %s",
	},
	Label: "Invalid setting",
	Refs: []Ref{
		{"8441", "3", "the value of SETTINGS_ENABLE_CONNECT_PROTOCOL is 0 or 1"},
	},
	Why: `Some peers end the connection with PROTOCOL_ERROR (nghttp2, Go and Bun), others ignore
the setting: whether WebSockets work depends on the client.`,
	Fix:   `Send SETTINGS_ENABLE_CONNECT_PROTOCOL=1 in the first SETTINGS frame, or leave it out.`,
	When:  sendsSetting,
	Judge: func(c *Case) Result { return judgeSides(c, wrongSetting) },
	Probes: []Probe{
		either2("UPGRADE-H2-SET-CLIENT-2", "SETTINGS_ENABLE_CONNECT_PROTOCOL=2 of the client", ClientSettings([]h2.Setting{{ID: connectSetting, Value: 2}})),
	},
	Show: func(c *Case, r Result) Shown {
		what, _ := wrongSetting(sideOfParty(c, r.Party))
		return seen(nil, partyName(r.Party), what)
	},
})

var _ = register(Rule{
	ID: "UPGRADE-H2-SETTING-BACK", Level: Must, Party: Server,
	Severity: Severities{Refused: Low, Switched: Low}, Since: "0.1",
	Versions: HTTP2,
	Title:    "A client and a server do not take back SETTINGS_ENABLE_CONNECT_PROTOCOL=1",
	Problem: Problems{
		Switched: "%s sent SETTINGS_ENABLE_CONNECT_PROTOCOL with the value %s after the value 1",
	},
	Label: "Setting taken back",
	Refs: []Ref{
		{"8441", "3", "a sender does not send the value 0 after the value 1"},
	},
	Why: `Clients rely on what the server has promised: extended CONNECT fails at random on
connections that are already open.`,
	Fix: `To turn WebSockets off, end the connections with GOAWAY and leave the setting out in
	new ones.`,
	When:  sendsSetting,
	Judge: func(c *Case) Result { return judgeSides(c, takenBack) },
	Probes: []Probe{
		either2("UPGRADE-H2-SET-CLIENT-10", "SETTINGS_ENABLE_CONNECT_PROTOCOL=1, then 0",
			ClientSettings([]h2.Setting{{ID: connectSetting, Value: 1}}, []h2.Setting{{ID: connectSetting}})),
	},
	Show: func(c *Case, r Result) Shown {
		what, _ := takenBack(sideOfParty(c, r.Party))
		return seen(nil, partyName(r.Party), what)
	},
})

// connectSetting is SETTINGS_ENABLE_CONNECT_PROTOCOL.
const connectSetting = 8

// sendsSetting reports whether a side of the connection has sent SETTINGS_ENABLE_CONNECT_PROTOCOL.
func sendsSetting(c *Case) bool {
	if c.brings("UPGRADE-H2-SETTING-VALUE") || c.brings("UPGRADE-H2-SETTING-BACK") {
		return true
	}
	k := connectionFacts(c)
	return len(k.Client.Connect)+len(k.Server.Connect) > 0
}

// connectionFacts returns what is known of the connection; it is empty where nothing is.
func connectionFacts(c *Case) *wire.Connection {
	if c.X.Stream == nil || c.X.Stream.Connection == nil {
		return new(wire.Connection)
	}
	return c.X.Stream.Connection
}

// judgeSides fails for the first side that has the fault: the server, or the client.
func judgeSides(c *Case, fault func(*wire.ConnectionSide) (string, bool)) Result {
	for _, p := range [...]Party{Server, Client} {
		if f := c.X.Follow; p == Client && c.own() && f != nil && f.Lost == wire.LostGoAway {
			return c.result(Pass) // as it may
		} else if p == Client && c.own() {
			return RefuseSwitch(c)
		}
		if _, found := fault(sideOfParty(c, p)); found {
			return c.result(Fail).by(p)
		}
	}
	return c.result(Pass)
}

func sideOfParty(c *Case, p Party) *wire.ConnectionSide {
	if p == Client {
		return &connectionFacts(c).Client
	}
	return &connectionFacts(c).Server
}

// wrongSetting returns a value that the setting cannot have.
func wrongSetting(s *wire.ConnectionSide) (value string, found bool) {
	i := slices.IndexFunc(s.Connect, func(v uint32) bool { return v > 1 })
	if i < 0 {
		return "", false
	}
	return strconv.FormatUint(uint64(s.Connect[i]), 10), true
}

// takenBack returns the value 0 if it came after a 1.
func takenBack(s *wire.ConnectionSide) (value string, found bool) {
	one := slices.Index(s.Connect, 1)
	return "0", one >= 0 && slices.Contains(s.Connect[one:], 0)
}

// partyName is the party as the subject of a sentence.
func partyName(p Party) string {
	return map[Party]string{Client: "Client", Server: "Server", Intermediary: "Proxy"}[p]
}
