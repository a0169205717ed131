package rules

// A Class describes how a server should answer a probe.
type Class uint8

// The classes of probes.
const (
	Refuse        Class = iota // any response but a 101
	Refuse400                  // a 400, which RFC 9112 requires
	RefuseVersion              // an error that lists the supported versions (RFC 6455 §4.4)
	Legacy                     // as RefuseVersion, unless the server itself advertises that version
	Alive                      // some HTTP response
	Accept                     // a switch
	Interop                    // a switch: the request is legal, if unusual
	Either                     // anything
	Body                       // the body is not read as the new protocol
	Expect                     // a 100 before the 101
	Differential               // the same response as without the offer
	Warn101                    // no 101: if there is one, policy decides
	Negotiate                  // a 101 that agrees only to what was offered
	Sequence                   // the bytes after the response are read as what they are
	classes
)

// String returns the class in lower case.
func (k Class) String() string {
	return [classes]string{"refuse", "refuse400", "refuse-ver", "legacy", "alive", "accept", "interop", "either",
		"body", "expect", "diff", "warn101", "neg", "seq"}[k]
}

// MarshalText returns the class as the contracts write it.
func (k Class) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// Expectation says in words how a server should answer. That of a probe may say more; see
// [Probe.Expectation].
func (k Class) Expectation() string {
	return [classes]string{
		Refuse:        "400 (other 4xx pass); never 101",
		Refuse400:     "400 (other 4xx pass); 101, 2xx and 3xx fail",
		RefuseVersion: "426 listing supported versions (any 4xx passes); never 101",
		Legacy:        "426 or 400 listing supported versions; 101 only if the server lists this version",
		Alive:         "Any HTTP response except 101 and 5xx",
		Accept:        "101",
		Interop:       "101 (anything else is a warning)",
		Either:        "Any valid response: 101 or a rejection",
		Body:          "Rejection, or 101 after the body has been read and discarded",
		Expect:        "Rejection, or 100 (Continue) before the 101 (otherwise a warning)",
		Differential:  "The same response as without the offer",
		Warn101:       "Any response except 101 (a 101 is a warning)",
		Negotiate:     "101 that agrees to nothing that was not offered",
		Sequence:      "Any valid response; what follows is read as what it is",
	}[k]
}

// Refuses reports whether a server is expected to refuse the probe.
func (k Class) Refuses() bool { return k <= Legacy }

// expects is the part of the verdict table that depends on the class of a probe: whether the server
// should reject it. If the server crashed afterwards, nothing is known, whatever the class.
func (k Class) expects(a answer, in column) cell {
	entry := verdicts(a, in)
	if in == byStatus || entry.note == gone {
		return entry
	}
	switch k {
	case Refuse, RefuseVersion, Legacy:
		return entry
	case Body, Expect:
		if a == answeredSwitch {
			return both(Warn) // and nothing shows what happened to the body
		}
		return entry
	case Differential:
		return both(NotApplicable) // the twin decides
	case Refuse400:
		if a == answeredNormal && in == controlled {
			return both(Fail)
		}
		return entry
	case Alive:
		return k.alive(a)
	case Accept, Interop:
		return k.accepts(a, in)
	}
	return k.permits(a, in, entry)
}

// alive judges the response to a request that offers nothing: any response is right.
func (k Class) alive(a answer) cell {
	switch a {
	case answeredClose, answeredNothing, answeredWait, answeredNoise:
		return both(Unclear)
	case answeredError, answeredBusy, answeredSwitch:
		return both(Warn)
	}
	return both(Pass)
}

// accepts judges the response to a request that should be accepted. If the plain control is not,
// nothing is expected.
func (k Class) accepts(a answer, in column) cell {
	switch {
	case a == answeredSwitch:
		return both(Pass)
	case in == uncontrolled:
		return both(NotApplicable)
	case a == answeredBusy, a == answeredNothing, a == answeredWait:
		return both(Unclear)
	}
	return both(Warn)
}

// permits judges the response to a request to which several responses are right.
func (k Class) permits(a answer, in column, entry cell) cell {
	switch {
	case a == answeredSwitch && k == Warn101:
		return both(Warn)
	case a == answeredSwitch:
		return both(Pass)
	case in == uncontrolled:
		return entry
	case k == Negotiate && (a == answeredRefusal || a == answeredNormal || a == answeredError || a == answeredClose):
		return both(Warn) // a server declines an offer by leaving it out of the response
	case k != Warn101 && (a == answeredError || a == answeredClose), a == answeredNormal:
		return both(Pass)
	}
	return entry
}
