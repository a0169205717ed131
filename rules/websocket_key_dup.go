package rules

import "bytes"

var _ = register(Rule{
	ID: "UPGRADE-WS-KEY-DUP", Level: Must, Party: Client,
	Severity: Severities{Refused: Medium, Switched: High, Worst: Critical}, Since: "0.1",
	Title: "A server rejects a WebSocket handshake with more than one key",
	Problem: Problems{
		Switched: "Server accepted a handshake with two Sec-WebSocket-Key values: %s",
		Refused:  "Client sent two Sec-WebSocket-Key values: %s",
	},
	Label: "Duplicate Sec-WebSocket-Key",
	Refs: []Ref{
		{"6455", "11.3.1", "Sec-WebSocket-Key appears only once in a request"},
		{"6455", "4.2.1", "a server stops processing a handshake that is not as the RFC describes it"},
	},
	Why: `Of two keys servers use the first, the last, or both joined by a comma. As long as
everyone on the path uses the same one nothing happens. If a proxy checks the response against one
key and the server computed it from the other, one of them takes the connection for a tunnel and
the other for HTTP; then the rule is critical. A proxy that adds its own key to the client's sends
two, and so does an attacker who looks for exactly this difference. Of 78 servers tested, 57
switched, and Bun was reported for it.`,
	Fix: `Count the Sec-WebSocket-Key headers, and answer 400 unless there is exactly one with
	one value.
uvicorn: --ws websockets instead of --ws wsproto.
In a proxy that makes its own key, replace the client's.` + guard,
	When: func(c *Case) bool { return c.websocket && !c.headCut && severalKeys(c) },
	Judge: func(c *Case) Result {
		res := RefuseSwitch(c)
		if hopsReadDifferentKeys(c) {
			return res.rated(c.rule.Severity.Worst)
		}
		return res
	},
	Show: func(c *Case, _ Result) Shown {
		h := &c.X.Request.Head
		keys, at := values(h, keyField), c.inRequest(keyField)
		if sameKeys(c) {
			return varies(Problems{
				Switched: "Server accepted a handshake with the same Sec-WebSocket-Key twice: %s",
				Refused:  "Client sent the same Sec-WebSocket-Key twice: %s",
			}, at, quote(first(h, keyField)))
		}
		if !c.switched || !c.X.Response.Has(acceptField) {
			return seen(at, keys)
		}
		at = append(at, c.inResponse(acceptField)...)
		switch which := acceptedKey(c); {
		case hopsReadDifferentKeys(c):
			keys += "; two servers on the path used different keys"
		case which != "":
			keys += "; it used " + which
		case provesKey(c, first(h, keyField)):
			keys += "; it used key " + quote(first(h, keyField))
		}
		return seen(at, keys)
	},
	Probes: []Probe{
		{ID: "UPGRADE-WS-KEY-DUP-SAME", Label: "Same Sec-WebSocket-Key header twice",
			Edit: func(h *Handshake) { Twice(keyField, h.Key)(h) }},
		{ID: "UPGRADE-WS-KEY-DUP-DIFF", Label: "Two different Sec-WebSocket-Key headers",
			Edit: Twice(keyField, "eHh4eHh4eHh4eHh4eHh4eA==")},
		{ID: "UPGRADE-WS-KEY-LIST", Label: "Two keys in one Sec-WebSocket-Key header",
			Edit: SetTo(keyField, func(h *Handshake) string { return h.Key + ", eHh4eHh4eHh4eHh4eHh4eA==" })},
	},
})

// severalKeys reports whether the request has more than one key.
func severalKeys(c *Case) bool {
	h := &c.X.Request.Head
	return h.Count(keyField) > 1 || keyList(first(h, keyField))
}

// sameKeys reports whether all lines have the same key.
func sameKeys(c *Case) bool {
	h := &c.X.Request.Head
	for v := range h.Values(keyField) {
		if !bytes.Equal(h.Text(v), first(h, keyField)) {
			return false
		}
	}
	return h.Count(keyField) > 1
}

// hopsReadDifferentKeys reports whether the same keys went over two hops, and the responses were
// computed from different ones.
func hopsReadDifferentKeys(c *Case) bool {
	if !c.switched || !c.farSwitched() {
		return false
	}
	other := c.X.Hop.Far
	near, far := first(&c.X.Response.Head, acceptField), first(&other.Response.Head, acceptField)
	return len(near) > 0 && len(far) > 0 && !bytes.Equal(near, far) &&
		values(&c.X.Request.Head, keyField) == values(&other.Request.Head, keyField)
}

// keyList reports whether a value is a list of keys, as in a header that joins two.
func keyList(value []byte) bool {
	if bytes.IndexByte(value, ',') < 0 {
		return false
	}
	for key := range bytes.SplitSeq(value, []byte(",")) {
		if !keyShaped(bytes.Trim(key, " \t")) {
			return false
		}
	}
	return true
}
