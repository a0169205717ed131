package rules

import "strconv"

var _ = register(Rule{
	ID: "UPGRADE-H2-AUTH-SKIPPED", Level: Should, Party: Server,
	Severity: Severities{Refused: Info, Switched: Critical}, Since: "0.1",
	Versions: HTTP2,
	Title:    "A server demands credentials of an extended CONNECT as it does of a GET",
	Problem: Problems{
		Switched: "Server demands no credentials of an extended CONNECT: %s for a GET, %s for the CONNECT",
	},
	Label: "Login bypassed by an extended CONNECT",
	Refs: []Ref{
		{"8441", "5", "the request is authenticated like one of HTTP/1.1"},
		{"9110", "11.4", "a server answers a request for a protected resource that lacks credentials with 401"},
	},
	Why: `Login middleware is written for the methods that pages use, and gateways often route
CONNECT apart from the rest. Then an extended CONNECT for a path that requires a login opens a
tunnel to it, without credentials. Or the gateway drops Cookie or Authorization of the CONNECT, and no user can
log in over HTTP/2: that is a warning.`,
	Fix: `Apply the login to every request, whatever its method. In a gateway, attach the check of
	credentials to the route, not to GET and POST.`,
	When: func(c *Case) bool { return c.brings("UPGRADE-H2-AUTH-SKIPPED") && c.X.Response != nil },
	Judge: func(c *Case) Result {
		switch {
		case !c.deniedWithout("plain"):
			return c.result(NotApplicable)
		case c.X.Probe == credentialsProbe2:
			return c.credentialsKept()
		case c.switched:
			return c.result(Fail)
		case c.status() >= 400 && c.status() < 500 && c.status() != 429 || Denied(c.X.Response) || c.status() == 501:
			return c.result(Pass)
		}
		return c.result(Unclear)
	},
	Show: func(c *Case, r Result) Shown {
		if c.X.Probe == credentialsProbe2 && r.Verdict == Warn {
			return says("Server accepts the credentials of a GET, and not those of an extended CONNECT: %s for the GET, %s for the CONNECT",
				append(c.inRequest(":method", ":protocol"), c.inResponse()...), strconv.Itoa(c.twin("plain-credentials").Response.Status), strconv.Itoa(c.status()))
		}
		return seen(append(c.inRequest(":method", ":protocol"), c.inResponse()...), strconv.Itoa(c.twin("plain").Response.Status), strconv.Itoa(c.status()))
	},
	Probes: []Probe{
		loginProbe("UPGRADE-H2-AUTH-CONNECT", "WebSocket over HTTP/2 where a login is required"),
		loginProbe("UPGRADE-H2-AUTH-CONNECT-UNKNOWN", "Unknown :protocol where a login is required", Field(":protocol", "interlock-unknown")),
		loginProbe(credentialsProbe2, "WebSocket over HTTP/2 with credentials").with(Extended(), "No demand for credentials, as of a GET with them"),
	},
})

// credentialsProbe2 is the probe that sends the credentials.
const credentialsProbe2 = "UPGRADE-H2-AUTH-CONNECT-COOKIE"

// credentialsKept judges the answer to an extended CONNECT with credentials that a GET is accepted with.
func (c *Case) credentialsKept() Result {
	with := c.twin("plain-credentials")
	switch {
	case with == nil || with.Response == nil || Denied(with.Response) || isBusy(with.Response.Status): // there are none, or they are not valid
		return c.result(NotApplicable)
	case c.switched:
		return c.result(Pass)
	case Denied(c.X.Response):
		return c.result(Warn).rated(Medium)
	case c.status() >= 400 && c.status() < 500 && c.status() != 429, c.status() == 501:
		return c.result(Pass)
	}
	return c.result(Unclear)
}

// with returns the probe with another request and expectation.
func (p Probe) with(request Edit, want string) Probe {
	p.Edit, p.Want = request, want
	return p
}

// loginProbe is an extended CONNECT without credentials, and the same as a GET.
func loginProbe(id, label string, edits ...Edit) Probe {
	p := probe2(id, label, Differential, "The same demand for credentials as of a GET", Edits(Anonymous(), Extended()), edits)
	p.At = AtProtected
	p.Twins = []Twin{
		{Name: "plain", Text: "a GET in HTTP/2, without credentials", Edit: Edits(Anonymous(), Plain2())},
		{Name: "plain-credentials", Text: "a GET in HTTP/2, with the credentials given", Edit: Plain2(), When: (*Handshake).Carries},
	}
	return p
}
