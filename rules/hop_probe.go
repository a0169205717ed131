package rules

import (
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/wire"
)

// chained returns the rules that each probe of interlock chain brings into play, the probe's own
// first, by globs of the probes' IDs: the first line that matches holds. IDs of rules are without
// their common beginning. Other rules are not asked about what a probe causes: it may break them on
// purpose, or shows one of many sides of a fault that another probe is for.
func chained() [][2]string {
	return [][2]string{
		{"CTRL-L4*", "L4"},
		{"CTRL-PLAIN", "TUNNEL CONN-FABRICATED"},
		{"CTRL-END", "TUNNEL CONN-FABRICATED"},
		{"CTRL-WS", "TUNNEL 101-INVENTED"},
		{"CTRL-WS-END", "TUNNEL 101-INVENTED"},
		{"CTRL-WS-FIREFOX", "TUNNEL"},
		{"CHAIN-WS-FIELDS", "FIELDS"},
		{"CHAIN-TWIN-*", "TWIN"},
		{"CHAIN-VIA", "FIELDS"},
		{"CHAIN-XFF-SPOOF", "FIELDS"},
		{"CHAIN-HEAD-SIZE", "FIELDS"},
		{"CHAIN-CONN-CLOSE-UPG", "TUNNEL"},
		{"CHAIN-CONN-*", "CONN-FABRICATED"},
		{"CHAIN-NO-UPGRADE", "101-UNCHECKED FORWARDED"},
		{"CHAIN-UNKNOWN", "FORWARDED"},
		{"CHAIN-H2C*", "FORWARDED"},
		{"CHAIN-TLS", "FORWARDED"},
		{"CHAIN-UDP", "FORWARDED"},
		{"CHAIN-UPG-LINES", "FORWARDED"},
		{"CHAIN-POST", "METHOD TUNNEL"},
		{"CHAIN-PUT", "METHOD TUNNEL"},
		{"CHAIN-HEAD", "METHOD TUNNEL"},
		{"CHAIN-HTTP10", "VERSION"},
		{"CHAIN-EXPECT", "101-LOST"},
		{"CHAIN-PIPELINE", "ORDER"},
		{"CHAIN-NOMINATE", "NOMINATED-KEPT"},
		{"CHAIN-NOMINATE-AUTH", "NOMINATED-KEPT"},
		{"CHAIN-NOMINATE-XFF", "IDENTITY-LOST"},
		{"CHAIN-NOMINATE-HOST", "IDENTITY-LOST"},
		{"CHAIN-NOMINATE-CL", "BODY"},
		{"CHAIN-HOST-DUP", "SYNTAX"},
		{"CHAIN-SPACE-COLON", "SYNTAX"},
		{"CHAIN-OBS-FOLD", "SYNTAX"},
		{"CHAIN-BARE-LF", "SYNTAX"},
		{"CHAIN-CTL", "SYNTAX"},
		{"CHAIN-UNDERSCORE", "FIELDS"},
		{"CHAIN-ADVERT", "FIELDS"},
		{"CHAIN-SSRF-*", "TARGET"},
		{"CHAIN-CONNECT", "CONNECT-OPEN"},
		{"CHAIN-426-FIELDS", "FIELDS"},
		{"CHAIN-426", "TUNNEL-NON101 TUNNEL 101-INVENTED"},
		{"CHAIN-400", "TUNNEL-NON101 TUNNEL 101-INVENTED"},
		{"CHAIN-401-CHUNKED", "TUNNEL-NON101 TUNNEL 101-INVENTED"},
		{"CHAIN-403-CLOSE", "TUNNEL-NON101 TUNNEL 101-INVENTED"},
		{"CHAIN-200", "TUNNEL-NON101 TUNNEL 101-INVENTED"},
		{"CHAIN-200-UPG", "TUNNEL-NON101 TUNNEL 101-INVENTED"},
		{"CHAIN-204", "TUNNEL-NON101 TUNNEL 101-INVENTED"},
		{"CHAIN-302", "TUNNEL-NON101 TUNNEL 101-INVENTED"},
		{"CHAIN-503", "TUNNEL-NON101 TUNNEL 101-INVENTED"},
		{"CHAIN-REFUSED-EOF", "TUNNEL 101-INVENTED"},
		{"CHAIN-SINK-CLOSES", "TUNNEL 101-INVENTED"},
		{"CHAIN-DENIED-EARLY", "PREMATURE TUNNEL-NON101"},
		{"CHAIN-DENIED-101", "101-UNCHECKED"},
		{"CHAIN-DENIED-H2C", "FORWARDED"},
		{"CHAIN-DENIED-*", "TUNNEL-NON101"},
		{"CHAIN-PREMATURE", "PREMATURE"},
		{"CHAIN-PREMATURE-*", "PREMATURE TUNNEL-NON101"},
		{"CHAIN-EARLY", "TAIL-LOST PREMATURE"},
		{"CHAIN-101-CL", "101-FRAMED"},
		{"CHAIN-101-CL0", "101-FRAMED"},
		{"CHAIN-101-TE", "101-FRAMED"},
		{"CHAIN-101-CLOSE", "TUNNEL"},
		{"CHAIN-101-TAIL", "TAIL-LOST 101-LOST"},
		{"CHAIN-101-SPLIT", "TAIL-LOST 101-LOST"},
		{"CHAIN-101-AFTER-200", "REUSE-RESPONSE"},
		{"CHAIN-101-*", "101-UNCHECKED 101-INVENTED 101-LOST REUSE-TUNNEL"},
		{"CHAIN-10*-101", "101-LOST"},
		{"CHAIN-POOL-PREFIX", "REUSE-BODY"},
		{"CHAIN-POOL-AFTER-TUNNEL", "REUSE-TUNNEL"},
		{"CHAIN-POOL-*", "REUSE-RESPONSE"},
		{"CHAIN-BODY-EARLY-*", "REUSE-BODY"},
		{"CHAIN-BODY-FULL-*", "REUSE-BODY"},
		{"CHAIN-BODY-LATER", "REUSE-BODY"},
		{"CHAIN-BODY-*", "BODY"},
		{"CHAIN-CLTE", "BODY"},
		{"CHAIN-REQ-SPLIT", "TUNNEL"},
		{"CHAIN-CROSS", "TUNNEL"},
		{"CHAIN-IDLE", "TUNNEL"},
		{"CHAIN-NOKEY", "TUNNEL"},
		{"CHAIN-TUNNEL-HTTP", "TUNNEL"},
		{"CHAIN-BULK", "TUNNEL"},
		{"CHAIN-HALF-*", "TUNNEL"},
		{"CHAIN-CLOSE-CLIENT", "TUNNEL"},
		{"CHAIN-CLOSE-SINK", "TUNNEL TAIL-LOST"},
		{"CHAIN-RST-SINK", "TUNNEL"},
		{"CHAIN-H2-WS", "TUNNEL H2-RETRY"},
		{"CHAIN-H2-EARLY*", "PREMATURE TUNNEL-NON101"},
		{"CHAIN-H2-COOKIES", "H2-COOKIE"},
		{"CHAIN-H2-DENIED-EARLY", "PREMATURE TUNNEL-NON101"},
		{"CHAIN-H2-DENIED-*", "H2-ACCESS"},
		{"CHAIN-H2-SINK-CLOSES", "TUNNEL TUNNEL-NON101 H2-RETRY"},
		{"CHAIN-H2-101-CL", "101-FRAMED TUNNEL H2-RETRY"},
		{"CHAIN-H2-101-TE", "101-FRAMED TUNNEL H2-RETRY"},
		{"CHAIN-H2-101-FRAME", "TAIL-LOST TUNNEL H2-RETRY"},
		{"CHAIN-H2-101-*", "101-UNCHECKED H2-RETRY"},
		{"CHAIN-H2-103-101", "101-LOST TUNNEL H2-RETRY"},
		{"CHAIN-H2-*", "TUNNEL-NON101 TUNNEL H2-RETRY"},
	}
}

// chainedID is the ID of a rule that the table of chain names.
func chainedID(short string) string {
	if strings.HasPrefix(short, "H2-") {
		return "UPGRADE-" + short
	}
	return "UPGRADE-HOP-" + short
}

// ChainRules returns the rules that a probe of interlock chain brings into play, its own first; none
// if there is no such probe.
func ChainRules(probe string) (all []*Rule) {
	for _, line := range chained() {
		if !MatchGlob(line[0], probe) {
			continue
		}
		for _, id := range strings.Fields(line[1]) {
			all = append(all, Find(chainedID(id)))
		}
		return all
	}
	return nil
}

// judgeChain judges an exchange in which Interlock is the client and the server of a proxy: only that is
// judged. What says nothing has no findings, and a probe that finds nothing passes its own rule.
func judgeChain(c *Case, ruling *Ruling) {
	if c.X.Hop == nil || c.saw(wire.SightNothing) {
		return
	}
	c.askHop(ruling)
	relateFindings(c, ruling)
	noteTwin(c, ruling)
	own := ruling.own()
	if own != nil && ruling.Find(own.ID) == nil && !slices.Contains(c.Options.Off, own.ID) {
		c.rule = own
		res := c.result(Pass)
		c.pass(ruling, &res)
		sortFindings(ruling)
	}
	if c.X.Controls == wire.BackendGone {
		ruling.doubt()
	}
}

// doubt makes all findings unclear: the proxy does not pass any more what it passed before the probes.
func (r *Ruling) doubt() {
	for i := range r.Findings {
		f := &r.Findings[i]
		f.Verdict = Unclear
		f.Detail = withNote(f.Detail, "after the probes a GET or a valid handshake did not pass any more, so this says nothing")
	}
	if len(r.Findings) > 0 {
		r.Verdict = Unclear
	}
}

// inPlay returns the rules about proxies that are asked about the exchange.
func (c *Case) inPlay() []*Rule {
	if c.onlyClient() {
		if all := ChainRules(c.X.Probe); all != nil {
			return all
		}
	}
	return hopBook
}
