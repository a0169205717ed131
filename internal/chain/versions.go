package chain

import (
	"strings"

	"github.com/interlock-proxy/interlock/internal/exit"
	"github.com/interlock-proxy/interlock/rules"
)

// Versions are the versions of HTTP in which the client speaks to the hop.
type Versions uint8

// The versions.
const (
	HTTP1 Versions = iota // HTTP/1.1
	HTTP2
	BothVersions
)

// ParseVersions reads 1.1, 2 or both. The empty text is HTTP/1.1.
func ParseVersions(text string) (Versions, error) {
	switch text {
	case "", "1.1":
		return HTTP1, nil
	case "2":
		return HTTP2, nil
	case "both":
		return BothVersions, nil
	}
	return HTTP1, exit.Usage("--http: %q must be 1.1, 2 or both", text)
}

// overHTTP2ID is the probe that all others in HTTP/2 depend on.
const overHTTP2ID = "CHAIN-H2-WS"

// InHTTP2 reports whether the client of the probe speaks HTTP/2.
func (p *Probe) InHTTP2() bool { return strings.HasPrefix(p.ID, "CHAIN-H2-") }

// Twin is the ID of the probe that asks the same in HTTP/1.1; empty if there is none.
func (p *Probe) Twin() string {
	return map[string]string{
		overHTTP2ID:              "CTRL-WS",
		"CHAIN-H2-EARLY":         "CHAIN-PREMATURE-RAW",
		"CHAIN-H2-DENIED-EARLY":  "CHAIN-DENIED-EARLY",
		"CHAIN-H2-401":           "CHAIN-401-CHUNKED",
		"CHAIN-H2-426":           "CHAIN-426",
		"CHAIN-H2-302":           "CHAIN-302",
		"CHAIN-H2-200":           "CHAIN-200",
		"CHAIN-H2-204":           "CHAIN-204",
		"CHAIN-H2-SINK-CLOSES":   "CHAIN-SINK-CLOSES",
		"CHAIN-H2-101-NOACCEPT":  "CHAIN-101-NOACCEPT",
		"CHAIN-H2-101-ACCEPT":    "CHAIN-101-ACCEPT",
		"CHAIN-H2-101-H2C":       "CHAIN-101-H2C",
		"CHAIN-H2-101-NOUPGRADE": "CHAIN-101-NOUPG",
		"CHAIN-H2-101-CL":        "CHAIN-101-CL",
		"CHAIN-H2-101-TE":        "CHAIN-101-TE",
		"CHAIN-H2-101-FRAME":     "CHAIN-101-TAIL",
		"CHAIN-H2-103-101":       "CHAIN-103-101",
	}[p.ID]
}

// A Difference is a question that a hop passes in one version of HTTP and fails in the other.
type Difference struct {
	Holds  Versions // in which it passes: HTTP1 or HTTP2
	Passed string   // ID of the probe
	Failed string
}

// Differences compares the versions in the results of a run.
func Differences(results []Result) (all []Difference) {
	verdicts := map[string]rules.Verdict{}
	for i := range results {
		verdicts[results[i].Probe.ID] = results[i].Verdict
	}
	for i := range results {
		p := results[i].Probe
		twin, sent := verdicts[p.Twin()]
		switch own := results[i].Verdict; {
		case !sent:
		case twin == rules.Pass && own == rules.Fail:
			all = append(all, Difference{HTTP1, p.Twin(), p.ID})
		case twin == rules.Fail && own == rules.Pass:
			all = append(all, Difference{HTTP2, p.ID, p.Twin()})
		}
	}
	return all
}
