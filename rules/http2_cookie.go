package rules

import "strconv"

var _ = register(Rule{
	ID: "UPGRADE-H2-COOKIE", Level: Must, Party: Intermediary, Hop: true,
	Severity: Severities{Refused: Medium, Switched: Medium}, Since: "0.1",
	Versions: HTTP2,
	Title:    "A proxy joins the Cookie headers of a request in HTTP/2 before it forwards the request in HTTP/1.1",
	Problem: Problems{
		Switched: "Proxy forwarded %s Cookie headers of a request in HTTP/2 as %s in HTTP/1.1",
	},
	Label: "Cookies not joined",
	Refs: []Ref{
		{"9113", "8.2.3", "several Cookie headers are joined by a semicolon and a space before they leave HTTP/2"},
		{"6265", "5.4", "a request in HTTP/1.1 has one Cookie header"},
	},
	Why: `Browsers send each cookie in a header of its own in HTTP/2. Servers of HTTP/1.1 often
read the first Cookie header only: the session is lost, or the one that is checked is not the one that
is used.`,
	Fix: `Join the values by "; " in the order in which they came.`,
	When: func(c *Case) bool {
		far := c.far()
		return far != nil && !c.headCut && !far.Request.HTTP2() && c.X.Request.Count("Cookie") > 1
	},
	Judge: func(c *Case) Result {
		return c.passIf(c.far().Request.Count("Cookie") == 1 && !keepsFirstCookie(c))
	},
	Show: func(c *Case, _ Result) Shown {
		as := strconv.Itoa(c.far().Request.Count("Cookie"))
		if keepsFirstCookie(c) {
			as = "the first one alone"
		}
		return seen(c.inRequest("Cookie"), strconv.Itoa(c.X.Request.Count("Cookie")), as)
	},
})

// keepsFirstCookie reports whether of all Cookie headers only the first one was forwarded. Blanked-out
// values have their lengths.
func keepsFirstCookie(c *Case) bool {
	near, far := &c.X.Request.Head, &c.far().Request.Head
	return far.Count("Cookie") == 1 && len(first(near, "Cookie")) == len(first(far, "Cookie"))
}
