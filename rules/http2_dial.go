package rules

var _ = register(Rule{
	ID: "UPGRADE-H2-DIALLED", Level: Must, Party: Server,
	Severity: Severities{Refused: Critical, Switched: Critical}, Since: "0.1",
	Versions: HTTP2,
	Title:    "A server does not connect to the :authority of a CONNECT",
	Problem: Problems{
		Switched: "Server connected to the :authority that the request names, where Interlock listens: %s",
		Refused:  "Server connected to the :authority that the request names, where Interlock listens: %s",
	},
	Label: "Server dials :authority",
	Refs: []Ref{
		{"8441", "4", "with :protocol, :authority names the host of the resource, and the server does not connect to it"},
		{"9110", "9.3.6", "a proxy restricts CONNECT to known ports or to a list of addresses"},
	},
	Why: `In HTTP/1.1, CONNECT asks a proxy for a connection to any host. A server that reads an
extended CONNECT so is an open proxy: its clients reach what it reaches, such as services on its
loopback interface and the metadata service of the cloud. The probe names only a listener of
Interlock's own.`,
	Fix: `Take the address of an upstream from the configuration, never from the request. Answer
	405 or 501 to a CONNECT without :protocol, and 421 to an :authority that is not one of your names.`,
	When: func(c *Case) bool {
		return c.brings("UPGRADE-H2-DIALLED") && (c.X.Response != nil || len(c.X.Lured) > 0 || c.answer() == answeredRefusal)
	},
	Judge: func(c *Case) Result {
		if len(c.X.Lured) == 0 && c.column() == uncontrolled {
			return c.result(NotApplicable)
		}
		return c.passIf(len(c.X.Lured) == 0)
	},
	Show: func(c *Case, _ Result) Shown {
		line := firstLine(append([]byte(nil), c.X.Lured...))
		c.Options.redactRequestLine(line)
		return seen(c.inRequest(":method", ":protocol", ":authority"), quote(line))
	},
	Probes: []Probe{
		either2("UPGRADE-H2-CONNECT-AUTHORITY", ":authority at a listener of Interlock", lureAuthority(), FieldTo(":path", lurePath)),
		either2("UPGRADE-H2-PATH-CANARY", ":path that is a URL of a listener of Interlock", FieldTo(":path", func(h *Handshake) string { return "http://" + h.Lure.Host + h.Lure.Path })).breaking("UPGRADE-H2-PSEUDO"),
		{
			ID: "UPGRADE-H2-CONNECT-PLAIN", Class: Either, Control: HTTP2Plain, Label: "HTTP/2 CONNECT to a listener of Interlock",
			Also: []string{"UPGRADE-H2-PLAIN-CONNECT"}, Want: "A rejection; the server must not connect to the listener",
			Edit: Edits(Extended(), NoField(":protocol", ":scheme", ":path"), lureAuthority(), After(lureRequest)),
		},
	},
})

// lureAuthority names the lure as the host.
func lureAuthority() Edit {
	return Edits(FieldTo(":authority", func(h *Handshake) string { return h.Lure.Host }),
		FieldTo("origin", func(h *Handshake) string { return h.Scheme + "://" + h.Lure.Host }))
}
