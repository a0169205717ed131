package rules

// attribution names who may have broken the rule of the finding, where that is not certain: an intermediary stands on the
// path, or is to be suspected. It is empty where there is no doubt.
func (c *Case) attribution(res Result) string {
	r := c.rule
	switch {
	case r.Party == Client && r.HopByHop && (c.forwarded() || c.browserAgent()):
		return "client or intermediary"
	case r.Party == Client && res.Party == Client && c.browserAgent(): // which no page can bring to do such things
		return "client or intermediary"
	case res.Party == Server && !res.answered && c.relayed():
		return "server or intermediary"
	}
	return ""
}

// relayed reports whether the response says that it came through an intermediary.
func (c *Case) relayed() bool {
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

// browserAgent reports whether the User-Agent is that of a browser.
func (c *Case) browserAgent() bool {
	const begins = "Mozilla/"
	agent := first(&c.X.Request.Head, "User-Agent")
	return len(agent) >= len(begins) && string(agent[:len(begins)]) == begins
}
