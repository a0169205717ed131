package rules

import (
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/wire"
)

// The parts of an exchange that a file may not contain and that rules need; see [wire.Exchange].
const (
	lostRequest  = "request fields"
	lostResponse = "response fields"
)

// allowForLoss withdraws a verdict that depends on what a file does not contain, and adds to every
// other one what is missing.
func allowForLoss(c *Case, f *Finding, res Result) {
	if f.Verdict < Pass && responseCutOff(c) && f.Rule.ID != "UPGRADE-RESP-CUT-OFF" && f.Party == Server && !res.answered {
		f.Verdict = max(f.Verdict, Unclear)
		f.Detail += "; the response headers were cut off"
	}
	if len(c.X.Lossy) == 0 || f.Verdict >= Pass {
		return
	}
	if !c.keeps(lostResponse) && !res.answered { // RefuseSwitch judges the request and the status, which are there
		f.Verdict = max(f.Verdict, Unclear)
	}
	from := "file"
	if c.X.Origin == wire.OriginLive { // see the ordinary streams of HTTP/2
		from = "record"
	}
	f.Detail += "; the " + from + " does not contain " + strings.Join(lostParts(c.X.Lossy), ", ")
}

// lostParts names parts that a file did not keep in the words of texts.
func lostParts(parts []string) []string {
	words := slices.Clone(parts)
	for i, part := range words {
		switch part {
		case "bytes":
			words[i] = "the raw bytes"
		case lostRequest:
			words[i] = "request headers"
		case lostResponse:
			words[i] = "response headers"
		case "aftermath":
			words[i] = "the data after the 101"
		}
	}
	return words
}
