package rules

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/interlock-proxy/interlock/wire"
)

var _ = register(Rule{
	ID: "UPGRADE-SLOW-HEADER", Level: Must, Party: Server,
	Severity: Severities{Refused: Medium, Switched: Medium, Worst: High}, Since: "0.1",
	Title: "A server reads a header in time that grows no faster than its length",
	Problem: Problems{
		Switched: "Server took %s, %s and %s",
		Refused:  "Server took %s, %s and %s",
	},
	Label: "Slow on a long header",
	Refs: []Ref{
		{"9110", "5.4", "a server that gets more or longer headers than it wants to read answers with a 4xx status"},
		{"9110", "17.5", "a recipient limits how much of a message it reads, so that its length does no harm"},
	},
	Why: `A parser that tries every way to split a value needs four times as long for twice
the length, or twice as long for each byte more. A server with one thread answers no one else
meanwhile, so a few small requests a second stop it. ws for Node.js took seconds for blanks in
Sec-WebSocket-Protocol (CVE-2021-32640), and the websocket-extensions libraries for Node.js and
Ruby did not come back from a quotation mark that is never closed (CVE-2020-7662, CVE-2020-7663).
A long header that is read in its time passes: a failure is at least 50 times slower than a
valid handshake, each time it was repeated, and grows faster than the header. It is high if less
than 1 KiB is enough.`,
	Fix: `Read the value from left to right once, without a regular expression that can match
	the same characters in two places. Limit the length of a header.
ws: 7.4.6, 6.2.2, 5.2.3 or later. websocket-extensions: 0.1.4 (Node.js), 0.1.5 (Ruby) or later.`,
	needs: needsProbe,
	When: func(c *Case) bool {
		return c.probe != nil && timed(c, tookControl) != nil && timed(c, tookLonger) != nil
	},
	Judge: func(c *Case) Result {
		control, shorter, longer := timed(c, tookControl), timed(c, tookShorter), timed(c, tookLonger)
		switch {
		case !Slow(control.Took, longer.Took):
			return c.result(Pass)
		case shorter == nil:
			return c.result(Unclear)
		case Grows(shorter, longer) && longer.Size < slowLong:
			return c.result(Fail).rated(c.rule.Severity.Worst)
		case Grows(shorter, longer):
			return c.result(Fail)
		}
		return c.result(Pass)
	},
	Show: func(c *Case, r Result) Shown {
		control, shorter, longer := timed(c, tookControl), timed(c, tookShorter), timed(c, tookLonger)
		at := c.inRequest(extensionField, protocolField)
		if r.Verdict == Unclear {
			return says("Server took %s for a value of %s bytes and %s for a valid handshake; no shorter value was answered",
				at, brief(longer.Took), strconv.Itoa(longer.Size), brief(control.Took))
		}
		return seen(at, fmt.Sprintf("%s for a value of %d bytes", brief(longer.Took), longer.Size),
			fmt.Sprintf("%s for %d bytes", brief(shorter.Took), shorter.Size), brief(control.Took)+" for a valid handshake")
	},
})

// The names of the twins that say how long a server took.
const (
	tookControl = "control" // for a valid handshake
	tookShorter = "shorter" // for the same probe with a shorter value
	tookLonger  = "longer"  // for the longest value that was sent
)

// timed returns the twin of that name that says how long the server took; nil if there is none.
func timed(c *Case, name string) *wire.Twin {
	for i := range c.X.Twins {
		if t := &c.X.Twins[i]; t.Name == name && t.Took > 0 {
			return t
		}
	}
	return nil
}

// Timed returns the twins from which UPGRADE-SLOW-HEADER decides. Each time is the shortest of all that
// were measured, because a busy machine only makes them longer. Shorter may be nil.
func Timed(control time.Duration, shorter, longer *wire.Twin) []wire.Twin {
	twins := []wire.Twin{{Name: tookControl, Took: control}, {Name: tookLonger, Size: longer.Size, Took: longer.Took}}
	if shorter != nil {
		twins = append(twins, wire.Twin{Name: tookShorter, Size: shorter.Size, Took: shorter.Took})
	}
	return twins
}

// The limits beyond which a server is slow.
const (
	slowTimes = 50                    // times the control
	slowLeast = 20 * time.Millisecond // a shorter time can be the machine's
	slowLong  = 1 << 10               // bytes: if fewer take long already, a request can stop the server for good
)

// Slow reports whether a server took much longer than for a valid handshake.
func Slow(control, took time.Duration) bool { return took >= max(slowTimes*control, slowLeast) }

// Grows reports whether the time grows faster than the length, by half at least.
func Grows(shorter, longer *wire.Twin) bool {
	return 2*longer.Took*time.Duration(shorter.Size) > 3*shorter.Took*time.Duration(longer.Size)
}

// brief is a time in a few digits, in ASCII.
func brief(d time.Duration) string {
	switch {
	case d > 10*time.Millisecond:
		return d.Round(time.Millisecond).String()
	case d < time.Millisecond:
		return strconv.FormatFloat(max(d, 10*time.Microsecond).Seconds()*1000, 'f', 2, 64) + "ms"
	}
	return d.Round(10 * time.Microsecond).String()
}

// unclosed offers an extension with a quoted string of so many bytes that is never closed; each
// character in it is escaped.
func unclosed(n int) Edit { return Set(extensionField, `a; b="`+strings.Repeat(`\c`, n/2)) }

// blanks offers a subprotocol with so many blanks inside.
func blanks(n int) Edit { return Set(protocolField, "b"+strings.Repeat(" ", n)+"x") }

// listBlanks offers an extension with so many blanks inside.
func listBlanks(n int) Edit { return Set(extensionField, "a; b"+strings.Repeat(" ", n)+"c") }

// quotedSizes are small at first: a parser that needs twice the time for each character would not
// come back from the others. Blanks need no such care.
func quotedSizes() []int {
	return []int{8, 16, 24, 32, 36, 40, 44, 48, 52, 56, 1 << 10, 4 << 10, 14 << 10}
}

func blankSizes() []int { return []int{256, 1 << 10, 4 << 10, 14 << 10, 56 << 10} }
