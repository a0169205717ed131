package rules

var _ = register(Rule{
	ID: "UPGRADE-AUTH-TWIN", Level: Should, Party: Server,
	Severity: Severities{Refused: Critical, Switched: Critical}, Since: "0.1",
	Title: "A server demands credentials of a request whether it offers an upgrade or not",
	Problem: Problems{
		Switched: "Server demands no credentials of a request that offers an upgrade: %s without the offer, %s with it",
		Refused:  "Server demands no credentials of a request that offers an upgrade: %s without the offer, %s with it",
	},
	Label: "Login bypassed by an offer",
	Refs: []Ref{
		{"9110", "7.8", "an Upgrade header offers another protocol; the request means the same as without it"},
		{"9110", "11.4", "a server answers a request for a protected resource that lacks credentials with 401"},
	},
	Why: `Gateways and middleware often send requests with an Upgrade header down another path, for
streaming or for tunnels, and leave out the login there. Then one header is enough to pass it: an
attacker adds Upgrade: websocket or Upgrade: h2c to an ordinary request for a protected page and
gets the page, or a tunnel to the server behind the login. The page need not be a WebSocket
endpoint. Only a comparison of the same request with and without the offer shows this.`,
	Fix: `Apply the login to every request, before anything looks at Upgrade.
Do not exempt requests by their Upgrade or Connection header.
nginx: auth_request belongs in every location with proxy_set_header Upgrade. Traefik, Envoy: attach
	the auth filter to the route, not to a header match.
Remove Upgrade from requests for paths where no upgrade is expected.`,
	needs: needsProbe,
	When:  func(c *Case) bool { return c.brings("UPGRADE-AUTH-TWIN") && c.X.Response != nil },
	Judge: func(c *Case) Result {
		with := c.twin(carrying)
		switch {
		case !c.deniedWithout("plain"):
			return c.result(NotApplicable) // the target is open, or nothing shows whether it is
		case granted(c.X):
			return c.result(Fail)
		case denial(with) != "" && granted(c.twin("plain-credentials")):
			return c.result(Warn).rated(Info)
		case c.status() >= 400 && c.status() < 500 && c.status() != 429 || Denied(c.X.Response):
			return c.result(Pass)
		}
		return c.result(Unclear).rated(Info)
	},
	Show: func(c *Case, res Result) Shown {
		plain, at := c.twin("plain"), append(c.inRequest("Upgrade"), c.inResponse()...)
		switch {
		case res.Verdict == Warn:
			return says("Server accepts the credentials of a request only without an offer: %s without it, %s with it", at,
				answerLine(c.twin("plain-credentials")), answerLine(c.twin(carrying)))
		case res.Verdict == Unclear:
			return says("Server demands credentials without the offer (%s), and answers %s with it", at, answerLine(plain), answerLine(c.X))
		}
		return seen(at, answerLine(plain), answerLine(c.X))
	},
	Probes: []Probe{
		{
			ID: "UPGRADE-AUTH-TWIN", Class: Differential, At: AtProtected, Label: "WebSocket offer where a login is required",
			Want: "The same demand for credentials as without the offer", Edit: Anonymous(),
			Twins: []Twin{plainAnonymous(), plainCarrying(), withCredentials("the same offer with the credentials given", nil)},
		}, {
			ID: "UPGRADE-AUTH-TWIN-H2C", Class: Differential, Control: "h2c", At: AtProtected, Label: "h2c offer where a login is required",
			Want: "The same demand for credentials as without the offer", Edit: Edits(OfferH2C(), Anonymous()),
			Twins: []Twin{plainAnonymous(), plainCarrying(), withCredentials("the same offer with the credentials given", OfferH2C())},
		},
	},
})
