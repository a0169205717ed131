package lab

// h2Caught returns the probes that each faulty HTTP/2 backend fails, among others. Two faults show
// only where the far side of a bridge is seen: "h2-early" and "h2-refused-stream".
func h2Caught() map[string]string {
	return map[string]string{
		"h2-101-raw":           "UPGRADE-H2-H1-WS UPGRADE-H2-H1-WS-OPEN",
		"h2-101":               "UPGRADE-H2-H1-WS UPGRADE-H2-H1-WS-OPEN",
		"h2-101-h2c":           "UPGRADE-H2-H1-H2C UPGRADE-H2-H1-H2C-OPEN",
		"h2-tunnels-h2c":       "UPGRADE-H2-PROTO-H2C UPGRADE-H2-PROTO-H2C-SETTINGS",
		"h2-any-protocol":      "UPGRADE-H2-PROTO-LIST UPGRADE-H2-PROTO-PREFIX UPGRADE-H2-PROTO-TLS UPGRADE-H2-PROTO-UNKNOWN UPGRADE-H2-PROTO-VERSION",
		"h2-first-protocol":    "UPGRADE-H2-PROTO-LIST",
		"h2-page":              "CTRL-H2-WS",
		"h2-desync":            "UPGRADE-H2-DESYNC-CONNECTION UPGRADE-H2-DESYNC-NUL UPGRADE-H2-DESYNC-UPPER",
		"h2-login-skipped":     "UPGRADE-H2-AUTH-CONNECT UPGRADE-H2-CHECK-AUTH",
		"h2-dials":             "UPGRADE-H2-CONNECT-AUTHORITY",
		"h2-fetches":           "UPGRADE-H2-PATH-CANARY",
		"h2-connects":          "UPGRADE-H2-CONNECT-PLAIN",
		"h2-method":            "UPGRADE-H2-METHOD-GET-OPEN UPGRADE-H2-METHOD-LOWER UPGRADE-H2-METHOD-POST",
		"h2-plain-connect":     "UPGRADE-H2-CONNECT-NOPROTO",
		"h2-no-path":           "UPGRADE-H2-DESYNC-NO-PATH UPGRADE-H2-NO-PATH UPGRADE-H2-NO-SCHEME UPGRADE-H2-NO-SCHEME-PATH",
		"h2-any-pseudo":        "UPGRADE-H2-AUTHORITY-DUP UPGRADE-H2-METHOD-DUP UPGRADE-H2-PROTO-DIFF2 UPGRADE-H2-PROTO-DUP UPGRADE-H2-PSEUDO-ORDER UPGRADE-H2-PSEUDO-UNKNOWN",
		"h2-any-value":         "UPGRADE-H2-FIELD-CRLF UPGRADE-H2-PROTO-CRLF UPGRADE-H2-PROTO-SPACE",
		"h2-connection-fields": "UPGRADE-H2-DESYNC-CONNECTION UPGRADE-H2-DESYNC-TE UPGRADE-H2-FIELD-CONNECTION UPGRADE-H2-FIELD-KEEPALIVE UPGRADE-H2-FIELD-PROXYCONN UPGRADE-H2-FIELD-TE UPGRADE-H2-FIELD-TRANSFER",
		"h2-any-scheme":        "UPGRADE-H2-SCHEME-FTP UPGRADE-H2-SCHEME-WSS",
		"h2-any-host":          "UPGRADE-H2-HOST-MISMATCH",
		"h2-wants-key":         "UPGRADE-H2-KEY-SOUND",
		"h2-ended":             "UPGRADE-H2-END-STREAM",
		"h2-origin-skipped":    "UPGRADE-H2-CHECK-ORIGIN UPGRADE-H2-CHECK-ORIGIN-NULL",
		"h2-version-skipped":   "UPGRADE-H2-CHECK-VERSION UPGRADE-H2-CHECK-VERSION-NONE UPGRADE-H2-VER-99 UPGRADE-H2-VER-NONE",
		"h2-subprotocol":       "CTRL-H2-SUBPROTO",
		"h2-extensions":        "CTRL-H2-WS-CHROME UPGRADE-H2-EXT-DEFLATE-BAD",
		"h2-not-offered":       "UPGRADE-H2-NO-OFFER",
		"h2-setting-2":         "CTRL-H2-GET",
		"h2-setting-back":      "CTRL-H2-GET",
		"h2-426-hop-fields":    "CTRL-H2-GET UPGRADE-H2-VER-99",
		"h2-201":               "CTRL-H2-WS",
		"h2-refused-late":      "UPGRADE-H2-ORIGIN-EVIL UPGRADE-H2-PROTO-UNKNOWN UPGRADE-H2-VER-99",
		"h2-malformed-kills":   "UPGRADE-H2-PAIR-REFUSE",
		"h2-malformed-hangs":   "UPGRADE-H2-PROTO-DUP",
		"h2-ends-all":          "CTRL-H2-WS UPGRADE-H2-PAIR-CLOSE UPGRADE-H2-PAIR-END UPGRADE-H2-PAIR-RESET UPGRADE-H2-TUN-RST",
		"h2-trailers-kill":     "UPGRADE-H2-TUN-HEADERS UPGRADE-H2-TUN-TRAILERS",
		"h2-close-resets":      "UPGRADE-H2-TUN-CLOSE-ES",
		"h2-never-ends":        "UPGRADE-H2-TUN-ES",
	}
}

// h2Warned returns the probes that give a warning at a faulty HTTP/2 backend.
func h2Warned() map[string]string {
	return map[string]string{
		"h2-accept":       "CTRL-H2-WS UPGRADE-H2-KEY-SOUND",
		"h2-content":      "UPGRADE-H2-CL-5",
		"h2-no-501":       "UPGRADE-H2-PROTO-UNKNOWN",
		"h2-origin-first": "UPGRADE-H2-ORIGIN-DUP",
	}
}
