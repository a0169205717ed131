package rules

var _ = register(Rule{
	ID: "UPGRADE-AUTH-FOREIGN", Level: Should, Party: Server,
	Severity: Severities{Refused: Info, Switched: Critical}, Since: "0.1",
	Title: "A server accepts a handshake for the endpoint of a user only with the credentials of that user",
	Problem: Problems{
		Switched: "Server accepted a handshake for the endpoint of one user with the credentials of another",
	},
	Label: "Credentials of another user accepted",
	Refs: []Ref{
		{"6455", "10.5", "a server authenticates clients in the handshake"},
		{"9110", "15.5.4", "a server answers 403 if the credentials are not enough for the resource"},
	},
	Why: `Many servers check that the client of a handshake is logged in, and not that the room, the
console or the stream in its path belongs to that client. Then each user can connect to those of all
others, by an identifier in the path that can be guessed or is seen in a link. Nothing in the tunnel
is checked again.`,
	Fix: `Compare the owner of the resource in the path with the user of the session before the 101;
	answer 403, or 404 if its existence is a secret.
If all these users may use the endpoint, leave out their --identity.`,
	needs: needsProbe,
	When:  func(c *Case) bool { return c.brings("UPGRADE-AUTH-FOREIGN") && c.X.Response != nil },
	Judge: func(c *Case) Result {
		own, anonymous := c.twin("own"), c.twin("anonymous")
		switch {
		case own == nil || !Accepted(own):
			return c.result(NotApplicable) // perhaps no credentials are accepted
		case !c.switched && c.status() >= 400 && c.status() < 500 && c.status() != 429, Denied(c.X.Response):
			return c.result(Pass)
		case !c.switched:
			return c.result(Unclear).rated(Info)
		case anonymous != nil && Accepted(anonymous):
			return c.result(Warn).rated(Info)
		}
		return c.result(Fail)
	},
	Show: func(c *Case, res Result) Shown {
		at := c.inResponse()
		switch res.Verdict {
		case Warn:
			return says("Server accepts handshakes without credentials here, so it accepts those of another user too", at)
		case Unclear:
			return says("Server neither accepted nor rejected a handshake with the credentials of another user (%s)", at, answerLine(c.X))
		}
		return seen(at)
	},
	Probes: []Probe{{
		ID: "UPGRADE-AUTH-FOREIGN", Class: Differential, At: AtForeign, Label: "Credentials of another user",
		Want: "401, 403 or 404: the endpoint belongs to another user",
		Twins: []Twin{
			{Name: "own", Text: "the same handshake with the credentials of its owner", Edit: byOwner,
				When: func(h *Handshake) bool { return h.Owner != nil }},
			{Name: "anonymous", Text: "the same handshake without credentials", Edit: Anonymous()},
		},
	}},
})

// byOwner replaces a handshake with the credentials of another user by that of the owner.
func byOwner(h *Handshake) {
	if h.Owner != nil {
		*h = *h.Owner.Fresh(h.Key)
	}
}
