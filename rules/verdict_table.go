package rules

import "github.com/interlock-proxy/interlock/wire"

// An answer is the part of a response that verdicts depend on: a row of the verdict table.
type answer uint8

const (
	answeredSwitch  answer = iota // 101
	answeredAuth                  // 401, 403: a filter in front may have answered
	answeredBusy                  // 407, 429, 503: the request was not evaluated
	answeredRefusal               // any other 4xx
	answeredNormal                // 2xx, 3xx
	answeredError                 // any other 5xx
	answeredClose                 // the server closed the connection without a byte
	answeredNothing               // silence, or the client or a proxy closed the connection
	answeredWait                  // silence while a part of the announced body was held back
	answeredNoise                 // bytes that are not a response
	answers
)

// A column of the verdict table says who sent the request, and what is known about the server.
type column uint8

const (
	live         column = iota // the request of a client
	controlled                 // a probe; the controls around it were accepted
	uncontrolled               // a probe; they were not
	unanswered                 // a probe; the control before it was accepted, and afterwards nothing answered: see UPGRADE-CRASH
	byStatus                   // a probe, scored by its status only as other test suites do
	columns
)

// A cell of the verdict table. Kept is the verdict if the request violates no MUST of its sender;
// probes are not judged as senders, so both are the same there.
type cell struct {
	broken, kept Verdict
	note         string // for its text
}

func both(v Verdict) cell { return cell{broken: v, kept: v} }

// gone is the note of a probe after which the server stopped answering.
const gone = "the backend stopped answering afterwards"

// verdicts is the only verdict table: what an answer means to a rule that wants the server not to
// switch.
func verdicts(a answer, c column) cell {
	const filtered = "a filter in front may have answered"
	na, client := both(NotApplicable), cell{broken: Warn, kept: Pass}
	ended := cell{broken: Unclear, kept: Unclear, note: gone}
	return [answers][columns]cell{
		//                live, controlled, uncontrolled, unanswered, by status
		answeredSwitch:  {both(Fail), both(Fail), both(Fail), both(Fail), both(Fail)},
		answeredAuth:    {client, {broken: Pass, kept: Pass, note: filtered}, na, na, both(Pass)},
		answeredBusy:    {client, both(Unclear), na, na, both(Pass)},
		answeredRefusal: {client, both(Pass), na, na, both(Pass)},
		answeredNormal:  {client, both(Warn), na, na, both(Pass)},
		answeredError:   {client, both(Warn), na, na, both(Pass)},
		answeredClose:   {both(Unclear), both(Warn), both(Unclear), ended, both(Pass)},
		answeredNothing: {both(Unclear), both(Unclear), both(Unclear), both(Unclear), both(Fail)},
		answeredWait:    {both(Unclear), both(Pass), both(Unclear), both(Unclear), both(Fail)},
		answeredNoise:   {both(Unclear), both(Unclear), both(Unclear), both(Unclear), both(Fail)},
	}[a][c]
}

// RefuseSwitch judges a rule that only requires the server not to switch, by the verdict table. It
// judges every rule that has no Judge.
//
// If the server switches, the server is at fault, whoever wrote the request. If it does not and
// traffic is live, the request remains at fault: a warning, if the rule is a MUST of its sender. An
// answer of Interlock itself decides nothing, and a probe's request is not a fault.
func RefuseSwitch(c *Case) Result {
	in := c.column()
	entry := verdicts(c.answer(), in)
	if p := c.probe; p != nil && p.rule == c.rule {
		entry = c.expected()
	} else if c.ignored() {
		entry = c.ignoring()
	}
	res := c.result(entry.kept)
	res.Note, res.answered = entry.note, true
	if c.rule.Level == Must && c.rule.Party != Server {
		res.Verdict = entry.broken
	}
	if c.leftHTTP || in != live {
		res.Party = Server
	}
	return res
}

func (c *Case) column() column {
	switch {
	case !c.probed():
		return live
	case c.X.Controls == wire.ControlsAccepted:
		return controlled
	case c.X.Controls == wire.BackendGone, c.X.Controls == wire.BackendKilled:
		return unanswered
	case c.X.Controls == wire.ControlsUnasked:
		return byStatus
	}
	return uncontrolled
}

func (c *Case) answer() answer {
	switch s := c.status(); {
	case s == 101, c.leftHTTP:
		return answeredSwitch
	case s == 401, s == 403:
		return answeredAuth
	case isBusy(s):
		return answeredBusy
	case s == 501, s == 505: // the server does not do that (RFC 9110, 15.6.2 and 15.6.6): nothing broke
		return answeredRefusal
	case s >= 500:
		return answeredError
	case s >= 400:
		return answeredRefusal
	case s >= 200:
		return answeredNormal
	case c.X.Outcome == wire.Reset && c.X.Cause == wire.CauseServerReset: // a precise answer (RFC 9113 §8.1.1)
		return answeredRefusal
	case c.X.Outcome == wire.GoneAway:
		return answeredClose
	case c.X.Outcome == wire.Closed && (c.X.Cause == wire.CauseServer || c.X.Cause == wire.CauseServerReset):
		return answeredClose
	case c.X.Outcome == wire.Silent && bodyWithheld(c):
		return answeredWait
	case c.X.Outcome == wire.Silent, c.X.Outcome == wire.Closed, c.X.Outcome == wire.Unseen:
		return answeredNothing
	}
	return answeredNoise
}

// isBusy reports whether a status says that the request was not evaluated.
func isBusy(status int) bool { return status == 407 || status == 429 || status == 503 }

// bodyWithheld reports whether a part of the body that the request announces had not arrived.
func bodyWithheld(c *Case) bool {
	q := c.X.Request
	return !c.X.BodyDone && (q.Has("Content-Length") || q.Has("Transfer-Encoding"))
}
