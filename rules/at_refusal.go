package rules

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/interlock-proxy/interlock/wire"
)

// AtRefusal returns the severity of the findings of a rule if the server did not switch. ok is
// false if a refusal is not a finding of the rule: the rule is about a 101, or it only asks for a
// refusal and the request violates no MUST of its sender (see RefuseSwitch). The probes and
// transcripts of the rule decide which, as they are and with their requests refused.
func (r *Rule) AtRefusal() (s Severity, ok bool) {
	for i := range r.Probes {
		if r.Probes[i].Class.expects(answeredRefusal, controlled).kept <= Warn {
			return r.Severity.Refused, true
		}
	}
	dir := "testdata/" + r.ID
	entries, _ := examples.ReadDir(dir) // of a rule without transcripts nothing is known
	for _, e := range entries {
		b, err := examples.ReadFile(path.Join(dir, e.Name()))
		if err != nil {
			continue
		}
		t, err := wire.ParseTranscript(b)
		if err == nil && r.findsAtRefusal(t) {
			return r.Severity.Refused, true
		}
	}
	return r.Severity.Refused, false
}

// findsAtRefusal reports whether the rule warns about an exchange of a transcript in which the
// server did not switch, or would if the server had refused with a 400.
func (r *Rule) findsAtRefusal(t *wire.Transcript) bool {
	template, common := exampleCase(t)
	for _, x := range exampleExchanges(t, common) {
		refused := *x
		refused.Response = wire.ReadResponse([]byte("HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"))
		refused.Outcome, refused.Cause, refused.Noise, refused.Controls = wire.Refused, "", nil, wire.ControlsAccepted
		for _, x := range []*wire.Exchange{x, &refused} {
			c := template
			c.X = x
			c.read()
			c.rule = r
			if !c.leftHTTP && x != &refused && seesFault(&c, r) {
				return true
			}
			if !c.leftHTTP && r.When(&c) {
				if f := c.finding(c.judge()); f.Verdict <= Warn {
					return true
				}
			}
		}
	}
	return false
}

// exampleCase returns what a case of a transcript has besides its exchange: what its meta lines
// say, and a history in which everything was seen.
func exampleCase(t *wire.Transcript) (Case, wire.Common) {
	o, common := &Options{}, wire.Common{}
	for _, m := range t.Meta {
		switch m.Key {
		case "probe":
			common.Origin, common.Probe, common.Every = wire.OriginProbe, m.Value, true
		case "controls":
			common.Controls = wire.Controls(max(slices.Index(controlWords(), m.Value), 0))
		case "twin":
			common.Content = true
		case "protocols":
			o.Protocols = strings.Split(m.Value, ", ")
		case "auth":
			o.Auth = []string{m.Value}
		case "origins":
			o.Origins = strings.Split(m.Value, ", ")
		case "tls":
			common.ClientTLS, common.BackendTLS = strings.HasPrefix(m.Value, "client"), m.Value == "backend"
			common.NoSNI = m.Value == "client without SNI"
		}
	}
	return Case{Options: o, Seen: History{
		Advertised: func(string, string, string) bool { return true },
		Switches:   func(string, string) bool { return true },
		KeySeen:    func(string, string) bool { return true },
		Crossed:    func(string, string) bool { return true },
		Carries:    func(string, string) bool { return true },
		Cookies:    func(string, string) bool { return true },
	}}, common
}

// exampleProbe adds to an exchange of a transcript what its meta lines say about the probe: its twins,
// the answer to the valid handshake, and the bytes that arrived at the lure.
func exampleProbe(t *wire.Transcript, x *wire.Exchange) {
	x.Twins = exampleTwins(t)
	for _, m := range t.Meta {
		switch m.Key {
		case "lured":
			x.Lured = []byte(m.Value)
		case "inside":
			path, status, _ := strings.Cut(m.Value, " ")
			n, _ := strconv.Atoi(status)
			x.Inside = append(x.Inside, wire.Inner{Path: path, Status: n})
		case "follow":
			x.Follow = new(wire.Follow)
			_ = json.Unmarshal([]byte(m.Value), x.Follow) // a transcript is tested
		case "control":
			x.Control, _ = strconv.Atoi(m.Value)
		}
	}
}

// exampleTwins returns the twins of a probe in a transcript. A meta line has the answer to one, after
// its name; the first one that the probe declares needs no name.
func exampleTwins(t *wire.Transcript) (twins []wire.Twin) {
	var p *Probe
	for _, m := range t.Meta {
		if m.Key == "probe" {
			p = FindProbe(m.Value)
		}
	}
	for _, m := range t.Meta {
		if timed, ok := exampleTime(m.Value); ok && m.Key == "took" {
			twins = append(twins, timed)
		}
		if m.Key != "twin" || p == nil {
			continue
		}
		name, answer, ok := strings.Cut(m.Value, " ")
		if strings.HasPrefix(name, "HTTP/") {
			name, answer = p.Twins[0].Name, m.Value
		}
		i := slices.IndexFunc(p.Twins, func(t Twin) bool { return t.Name == name })
		if !ok || i < 0 {
			continue
		}
		h, meta := p.Twins[i].On(NewHandshake("http", "staging.test", "/", "x3JJHMbDL1EzLkh9GBhXDw==")), ""
		if h.HTTP2() {
			meta = "stream: {}\n"
		}
		request := wire.Escape([]byte(h.First()))
		if twin, err := wire.ParseTranscript([]byte(meta + "\n> " + request + "\n< " + answer + "\n! closed\n")); err == nil {
			twins = append(twins, wire.Twin{Name: name, X: twin.Exchanges(wire.Common{Every: true, Content: true})[0]})
		}
	}
	return twins
}

// exampleTime returns the twin that a meta line took describes: its name, size and time.
func exampleTime(value string) (timed wire.Twin, ok bool) {
	var took string
	if n, _ := fmt.Sscan(value, &timed.Name, &timed.Size, &took); n != 3 {
		return timed, false
	}
	var err error
	timed.Took, err = time.ParseDuration(took)
	return timed, err == nil
}
