package lab

import (
	"slices"
	"strings"
)

// Probes that catch several backends, separated by white space.
const (
	methodProbes = ` UPGRADE-METHOD-DELETE UPGRADE-METHOD-FOOBAR UPGRADE-METHOD-HEAD UPGRADE-METHOD-LOWER UPGRADE-METHOD-OPTIONS
		UPGRADE-METHOD-OVERRIDE UPGRADE-METHOD-PATCH UPGRADE-METHOD-PUT UPGRADE-METHOD-QUERY UPGRADE-METHOD-TRACE UPGRADE-POST
		UPGRADE-POST-CL0 `
	http10Probes    = ` UPGRADE-HTTP10 UPGRADE-HTTP10-KA `
	badHostProbes   = ` UPGRADE-HOST-INVALID UPGRADE-HOST-LIST UPGRADE-HOST-MISSING UPGRADE-HOST-USERINFO `
	twoHostsProbes  = ` UPGRADE-HOST-DUP UPGRADE-HOST-DUP-SAME `
	substringProbes = ` UPGRADE-TOKEN-HYPHEN UPGRADE-TOKEN-JUNK UPGRADE-TOKEN-QUOTED UPGRADE-TOKEN-SPACE UPGRADE-TOKEN-WEBSOCKETS
		UPGRADE-TOKEN-XWEBSOCKET `
	tokenProbes = substringProbes + ` UPGRADE-TOKEN-H2C-WSFIELDS UPGRADE-TOKEN-KELVIN UPGRADE-TOKEN-LONG-S
		UPGRADE-UNKNOWN-WSFIELDS `
	likeOptionProbes = ` UPGRADE-CONN-HYPHEN UPGRADE-CONN-PARAM UPGRADE-CONN-PREFIX UPGRADE-CONN-QUOTED UPGRADE-CONN-SEMI
		UPGRADE-CONN-SPACE UPGRADE-CONN-SUFFIX `
	optionProbes = likeOptionProbes + ` UPGRADE-CONN-CLOSE UPGRADE-CONN-EMPTY UPGRADE-CONN-KEEPALIVE UPGRADE-CONN-PROXY
		UPGRADE-MISSING-CONN `
	noKeyProbes   = ` UPGRADE-WS-KEY-MISSING UPGRADE-WS-KEY-UNDERSCORE `
	twoKeysProbes = ` UPGRADE-WS-KEY-DUP-DIFF UPGRADE-WS-KEY-DUP-SAME `
	badKeyProbes  = ` UPGRADE-WS-KEY-15 UPGRADE-WS-KEY-17 UPGRADE-WS-KEY-32 UPGRADE-WS-KEY-EMPTY UPGRADE-WS-KEY-HUGE
		UPGRADE-WS-KEY-INNER-SP UPGRADE-WS-KEY-LIST UPGRADE-WS-KEY-NOPAD UPGRADE-WS-KEY-NOTB64 UPGRADE-WS-KEY-SHORT
		UPGRADE-WS-KEY-TRAIL UPGRADE-WS-KEY-URLSAFE `
	otherVersionProbes = ` UPGRADE-INVALID-VER UPGRADE-SEQ-REFUSED-PIPELINE UPGRADE-WS-VER-0 UPGRADE-WS-VER-12 UPGRADE-WS-VER-14
		UPGRADE-WS-VER-255 UPGRADE-WS-VER-7 UPGRADE-WS-VER-8 UPGRADE-WS-VER-DOT UPGRADE-WS-VER-DUP-13-99
		UPGRADE-WS-VER-DUP-99-13 UPGRADE-WS-VER-DUP-SAME UPGRADE-WS-VER-FRAC UPGRADE-WS-VER-FULLWIDTH UPGRADE-WS-VER-HEX
		UPGRADE-WS-VER-INNER-SP UPGRADE-WS-VER-JUNK UPGRADE-WS-VER-LEADZERO UPGRADE-WS-VER-LIST UPGRADE-WS-VER-LIST-99-13
		UPGRADE-WS-VER-LIST2 UPGRADE-WS-VER-NEG UPGRADE-WS-VER-PLUS UPGRADE-WS-VER-SEMI UPGRADE-WS-VER-WRAP16
		UPGRADE-WS-VER-WRAP32 UPGRADE-WS-VER-WRAP64 UPGRADE-WS-VER-WRAP8 `
	nakedVersionProbes = ` UPGRADE-INVALID-VER UPGRADE-SEQ-REFUSED-PIPELINE UPGRADE-WS-VER-0 UPGRADE-WS-VER-12 UPGRADE-WS-VER-14
		UPGRADE-WS-VER-255 UPGRADE-WS-VER-7 UPGRADE-WS-VER-8 `
	versionProbes = otherVersionProbes + ` UPGRADE-WS-VER-EMPTY UPGRADE-WS-VER-MISSING `
	contentProbes = ` UPGRADE-BODY-CHUNKED UPGRADE-BODY-CL UPGRADE-BODY-TE-OBF UPGRADE-BODY-TE-UNKNOWN UPGRADE-BODY-WITHHELD `
	originProbes  = ` UPGRADE-WS-ORIGIN-DUP UPGRADE-WS-ORIGIN-EVIL UPGRADE-WS-ORIGIN-NULL UPGRADE-WS-ORIGIN-SUFFIX `

	// switchProbes are the probes on which a correct backend may switch, and a plain one here does:
	// they show the fault of every 101. Those that offer permessage-deflate are listed separately.
	switchProbes = ` CTRL-END CTRL-WS CTRL-WS-ABSFORM CTRL-WS-CASE CTRL-WS-EMPTYELT CTRL-WS-FIREFOX CTRL-WS-LIST CTRL-WS-OWS
		CTRL-WS-PROTO CTRL-WS-TWO-CONN UPGRADE-BODY-CL0 UPGRADE-CONN-CLOSE-UPGRADE UPGRADE-CONN-NOMINATE UPGRADE-DUP-H2C-WS
		UPGRADE-DUP-LINE UPGRADE-EXPECT-NOBODY UPGRADE-EXPECT-UNKNOWN UPGRADE-HTTP12 UPGRADE-LEADING-CRLF UPGRADE-LIST-H2C-WS
		UPGRADE-MANY-HEADERS UPGRADE-SEQ-BEHIND-GET UPGRADE-SEQ-EARLY UPGRADE-SEQ-EXTRA-CRLF UPGRADE-SEQ-GARBAGE UPGRADE-SEQ-HTTP-IN-TUNNEL
		UPGRADE-SEQ-PING UPGRADE-SEQ-PIPELINE UPGRADE-SEQ-UNMASKED UPGRADE-SPLIT-HEAD UPGRADE-TARGET-OTHER-HOST
		UPGRADE-TARGET-WS-SCHEME UPGRADE-WS-EXT-NONE UPGRADE-WS-KEY-NONCANON UPGRADE-WS-PROTO-NONE UPGRADE-WS-PROTO-ODD `
	deflateProbes  = ` CTRL-WS-PMD UPGRADE-WS-PMD-BITS10 UPGRADE-WS-PMD-BITS16 UPGRADE-WS-PMD-FOO UPGRADE-WS-PMD-NOCMWB `
	anySwitch      = switchProbes + deflateProbes
	anythingProbes = methodProbes + http10Probes + badHostProbes + twoHostsProbes + tokenProbes + optionProbes + noKeyProbes +
		twoKeysProbes + badKeyProbes + versionProbes + contentProbes + ` CTRL-H2C CTRL-WS-LIST UPGRADE-DUP-H2C-WS UPGRADE-H2-TOKEN
		UPGRADE-H2C-BAD-B64 UPGRADE-H2C-BAD-LEN UPGRADE-H2C-CONN-SETTINGS-ONLY UPGRADE-H2C-CONN-SUFFIX UPGRADE-H2C-UPPER UPGRADE-H2C-DUP-SETTINGS
		UPGRADE-H2C-EMPTY-SETTINGS UPGRADE-H2C-HTTP10 UPGRADE-H2C-NO-CONN UPGRADE-H2C-NO-SETTINGS UPGRADE-H2C-SETTINGS-CONN
		UPGRADE-H2C-TYPO UPGRADE-HTTP-SELF UPGRADE-HTTP2-NAME UPGRADE-LIST-H2C-WS UPGRADE-TLS-1.0 UPGRADE-TLS-1.2
		UPGRADE-TLS-HTTP10 UPGRADE-TLS-NO-CONN UPGRADE-TLS-UNKNOWN
		UPGRADE-TOKEN-VERSION UPGRADE-UNDERSCORE-ALL UPGRADE-UNKNOWN `
	anythingWarnings = originProbes + ` UPGRADE-DOCKER-TCP UPGRADE-EXPECT-BODY UPGRADE-SPDY UPGRADE-WS-EXT-BAD UPGRADE-WS-PROTO-BAD
		UPGRADE-WS-PROTO-DUPVAL UPGRADE-WS-PROTO-EMPTY `
)

// caught returns the IDs of the probes that fail at the backend of that name, and of those that get
// a warning for its fault.
func caught(name string) (fails, warns []string) {
	return fields(failing()[name]), fields(map[string]string{
		"switches-on-anything": anythingWarnings,
		"unsound":              anythingWarnings,
		"ignores-upgrade":      "UPGRADE-TOKEN-VERSION",
		"upgrade-substring":    "UPGRADE-TOKEN-VERSION",
		"any-origin":           originProbes,
		"content-as-frames":    "UPGRADE-EXPECT-BODY",
		"skips-bad-lines":      "UPGRADE-NAME-JUNK",
	}[name])
}

// failing returns the probes that each faulty backend fails.
func failing() map[string]string {
	return map[string]string{
		"switches-on-anything": anythingProbes,
		"unsound":              anythingProbes,
		"any-method":           methodProbes,
		"http10":               http10Probes,
		"no-host":              badHostProbes,
		"two-hosts":            twoHostsProbes,
		"ignores-upgrade":      tokenProbes + "UPGRADE-EMPTY UPGRADE-MISSING-UPGRADE UPGRADE-UNDERSCORE-UPGRADE",
		"upgrade-substring":    substringProbes,
		"unicode-case":         "UPGRADE-TOKEN-KELVIN",
		"ignores-connection":   optionProbes,
		"connection-substring": likeOptionProbes,
		"no-key":               noKeyProbes,
		"two-keys":             twoKeysProbes,
		"any-key":              badKeyProbes,
		"any-version":          versionProbes,
		"content-as-frames":    contentProbes,
		"unsolicited-101":      "CTRL-PLAIN UPGRADE-MISSING-UPGRADE UPGRADE-UNDERSCORE-UPGRADE",
		"udp-by-post":          "UPGRADE-UDP-POST",

		"any-http-version":    http10Probes + "UPGRADE-HTTP-VER-01.1 UPGRADE-HTTP-VER-JUNK UPGRADE-HTTP09 UPGRADE-HTTP11-LOWER UPGRADE-HTTP2-LINE",
		"any-target":          "UPGRADE-TARGET-ASTERISK UPGRADE-TARGET-AUTHORITY",
		"breaks-at-cr":        "UPGRADE-BARE-CR",
		"space-before-colon":  "UPGRADE-SPACE-COLON-CONN UPGRADE-SPACE-COLON-UPGRADE UPGRADE-TAB-COLON-KEY",
		"leading-space":       "UPGRADE-LEAD-SP",
		"skips-bad-lines":     "UPGRADE-NO-COLON",
		"drops-control-bytes": "UPGRADE-CTL-VER UPGRADE-NUL-CONN UPGRADE-NUL-UPGRADE UPGRADE-NUL-UPGRADE-END UPGRADE-TOKEN-VT",
		"underscores":         "UPGRADE-UNDERSCORE-ALL UPGRADE-WS-KEY-UNDERSCORE",
		"ambiguous-content":   "UPGRADE-BODY-CL-BAD UPGRADE-BODY-CL-DUP UPGRADE-BODY-CLTE",

		"unoffered-protocol":    anySwitch,
		"wrong-accept":          anySwitch,
		"bare-101":              anySwitch,
		"length-in-101":         anySwitch,
		"unoffered-subprotocol": anySwitch,
		"http-after-101":        anySwitch,
		"unoffered-extension":   switchProbes + "UPGRADE-WS-PMD-BITS10 UPGRADE-WS-PMD-BITS16 UPGRADE-WS-PMD-FOO", // not among the extensions that these offer
		"echoes-extensions":     "CTRL-WS-PMD UPGRADE-WS-PMD-BITS16 UPGRADE-WS-PMD-FOO",
		"answers-in-tunnel":     "UPGRADE-SEQ-HTTP-IN-TUNNEL UPGRADE-SEQ-PIPELINE",
		"takes-unmasked":        "UPGRADE-SEQ-UNMASKED",
		"page-for-bad-host":     badHostProbes + twoHostsProbes,
		"bare-426":              nakedVersionProbes,
		"overtakes":             "UPGRADE-SEQ-BEHIND-GET",
		"loses-content":         "UPGRADE-IGNORED-BODY",
		"dying":                 "UPGRADE-WS-VER-DUP-13-99", // the last probe that it answers

		"gorilla-unchecked": http10Probes + twoKeysProbes + `CTRL-WS-EMPTYELT UPGRADE-BODY-WITHHELD UPGRADE-WS-VER-DUP-13-99
			UPGRADE-WS-VER-DUP-99-13 UPGRADE-WS-VER-DUP-SAME UPGRADE-WS-VER-LIST UPGRADE-WS-VER-LIST-99-13 UPGRADE-WS-VER-LIST2`,
		// Its 426 to Connection: close has Upgrade without the connection option, and that to
		// HTTP/1.0 has no Upgrade.
		"coder-unchecked": `UPGRADE-CONN-CLOSE UPGRADE-H2C-HTTP10 UPGRADE-BODY-CLTE UPGRADE-TOKEN-KELVIN UPGRADE-TOKEN-LONG-S
			UPGRADE-WS-VER-DUP-13-99 UPGRADE-WS-VER-DUP-SAME`,
		"gobwas-unchecked": twoKeysProbes + `UPGRADE-INVALID-VER UPGRADE-WS-VER-DUP-13-99 UPGRADE-WS-VER-DUP-SAME UPGRADE-BODY-CHUNKED UPGRADE-BODY-CL UPGRADE-BODY-CLTE
			UPGRADE-BODY-WITHHELD UPGRADE-CONN-PARAM UPGRADE-CONN-SPACE UPGRADE-TOKEN-KELVIN UPGRADE-TOKEN-LONG-S UPGRADE-WS-KEY-17
			UPGRADE-WS-KEY-NOTB64 UPGRADE-WS-KEY-URLSAFE`,
		"h2c-unchecked": "UPGRADE-H2C-BAD-LEN UPGRADE-H2C-CONN-SETTINGS-ONLY UPGRADE-H2C-CONN-SUFFIX UPGRADE-H2C-HTTP10",
	}
}

// fields returns the words of a text, each once and in order.
func fields(text string) []string {
	return slices.Compact(slices.Sorted(slices.Values(strings.Fields(text))))
}
