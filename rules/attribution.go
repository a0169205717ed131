package rules

// attributionOf names who may have violated the rule of the finding if that is not certain, because
// a proxy is or may be on the path. It is empty if there is no doubt.
func attributionOf(c *Case, res Result) string {
	r := c.rule
	switch {
	case r.Party == Client && r.HopByHop && (c.forwarded() || hasBrowserAgent(c)):
		return "client or intermediary"
	case r.Party == Client && res.Party == Client && hasBrowserAgent(c): // no page can make a browser do this
		return "client or intermediary"
	case res.Party == Server && !res.answered && responseRelayed(c):
		return "server or intermediary"
	}
	return ""
}

// responseRelayed reports whether the response says that it came through an intermediary.
func responseRelayed(c *Case) bool {
	p := c.X.Response
	if p == nil {
		return false
	}
	for _, name := range [...]string{"Via", "X-Cache", "X-Served-By", "CF-RAY", "X-Amz-Cf-Id", "X-Envoy-Upstream-Service-Time"} {
		if p.Has(name) {
			return true
		}
	}
	return false
}

// hasBrowserAgent reports whether the User-Agent is that of a browser.
func hasBrowserAgent(c *Case) bool {
	const begins = "Mozilla/"
	agent := first(&c.X.Request.Head, "User-Agent")
	return len(agent) >= len(begins) && string(agent[:len(begins)]) == begins
}
