package rules

import (
	"cmp"
	"crypto/sha1"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/wire"
)

// A catalogued probe is an entry of testdata/probes.json: its bytes on the base {A}, {P} and {K},
// with each byte as one character.
type catalogued struct {
	ID, Class, Rule, Bytes, After string
	Soft, Withheld, Seed          bool
}

func catalogue(t testing.TB) []catalogued {
	t.Helper()
	text, err := os.ReadFile("testdata/probes.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []catalogued
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// octets turns characters back into bytes.
func octets(s string) string {
	b := make([]byte, 0, len(s))
	for _, c := range s {
		b = append(b, byte(c))
	}
	return string(b)
}

// TestProbesAreTheCatalogue compares the bytes, the class and the rule of each probe with the
// catalogue.
func TestProbesAreTheCatalogue(t *testing.T) {
	base := NewHandshake("http", "{A}", "{P}", "{K}")
	base.Canary = "{CANARY}"
	known := map[string]bool{}
	for _, want := range catalogue(t) {
		known[want.ID] = true
		p := FindProbe(want.ID)
		if p == nil {
			t.Errorf("%s is not there", want.ID)
			continue
		}
		h := p.On(base)
		if got := h.First(); got != octets(want.Bytes) {
			t.Errorf("%s sends\n%q, want\n%q", p.ID, got, octets(want.Bytes))
		}
		if want.After != "" && h.After != octets(want.After) {
			t.Errorf("%s sends %q after a switch, want %q", p.ID, h.After, octets(want.After))
		}
		if p.Class.String() != want.Class || p.Soft != want.Soft || (h.Hold == HoldForever) != want.Withheld {
			t.Errorf("%s is of class %s, soft %t, withheld %t; want %s, %t, %t",
				p.ID, p.Class, p.Soft, h.Hold == HoldForever, want.Class, want.Soft, want.Withheld)
		}
		named := append([]string{p.rule.ID}, p.Also...)
		if r := canonical(want.Rule); strings.HasPrefix(r, "UPGRADE-") && !strings.ContainsAny(r, "*, ") && !slices.Contains(named, r) {
			t.Errorf("%s is listed under %s, want %s", p.ID, named, r)
		}
	}
	listed := len(known) + len(fieldNotes())
	for _, p := range Probes() {
		if p.Frames != nil || p.HTTP2() { // see TestFramesHaveOneFault and TestProbesInHTTP2BreakOneRule
			listed++
		} else if !known[p.ID] && !slices.Contains(fieldNotes(), p.ID) {
			t.Errorf("%s is in no catalogue", p.ID)
		}
	}
	if len(Probes()) != listed {
		t.Errorf("there are %d probes, want %d", len(Probes()), listed)
	}
}

// fieldNotes returns the probes that were added because real servers are known to fail them.
func fieldNotes() []string {
	return []string{
		"UPGRADE-TOKEN-KELVIN", "UPGRADE-SPLIT-HEAD", "UPGRADE-TOKEN-LONG-S", "UPGRADE-NUL-UPGRADE-END", "UPGRADE-TOKEN-VT",
		"UPGRADE-BARE-CR-UPGRADE", "UPGRADE-H2C-CONN-SUFFIX", "UPGRADE-TLS-NO-CONN", "UPGRADE-TLS-HTTP10", "UPGRADE-TLS-UNKNOWN",
		"UPGRADE-H2C-UPPER", "UPGRADE-WS-PMD-FOO", "UPGRADE-WS-PROTO-NONE", "UPGRADE-SEQ-BEHIND-GET",
		"UPGRADE-H2C-PRIOR", "UPGRADE-AUTH-NONE", "UPGRADE-AUTH-TWIN", "UPGRADE-AUTH-TWIN-H2C", "UPGRADE-AUTH-FOREIGN",

		"UPGRADE-WS-ORIGIN-CASE", "UPGRADE-WS-ORIGIN-DOT", "UPGRADE-WS-ORIGIN-LIST", "UPGRADE-WS-ORIGIN-LOCALHOST", "UPGRADE-WS-ORIGIN-LOOPBACK",
		"UPGRADE-WS-ORIGIN-NO-SCHEME", noOriginProbe, "UPGRADE-WS-ORIGIN-PORT", "UPGRADE-WS-ORIGIN-PREFIX", "UPGRADE-WS-ORIGIN-SCHEME",
		"UPGRADE-WS-ORIGIN-SUBDOMAIN", "UPGRADE-WS-ORIGIN-SUPERDOMAIN", "UPGRADE-WS-ORIGIN-TRAILDOT", "UPGRADE-WS-ORIGIN-USERINFO",
		"UPGRADE-UDP-PORT-0", "UPGRADE-UDP-PORT-BIG", "UPGRADE-UDP-HOST-BAD", "UPGRADE-IP", "UPGRADE-H2C-TUNNEL", "UPGRADE-TARGET-CANARY", "UPGRADE-HOST-CANARY", "UPGRADE-CONNECT-CANARY",
		"UPGRADE-IDENTITY-UNDERSCORE", "UPGRADE-IDENTITY-NOMINATE", "UPGRADE-IDENTITY-DUP",
		"UPGRADE-WS-ORIGIN-MALFORMED", "UPGRADE-WS-ORIGIN-SURROGATE", "UPGRADE-WS-ORIGIN-LONG", "UPGRADE-HOST-MALFORMED", "UPGRADE-HOST-SURROGATE",
		"UPGRADE-HOST-LONG", "UPGRADE-WS-EXT-PROTONAME", "UPGRADE-WS-PROTO-PROTONAME", "UPGRADE-WS-PROTO-MANY", "UPGRADE-SEQ-LENGTH-MAX",
		"UPGRADE-SEQ-LENGTH-OVER", "UPGRADE-SEQ-RSV1", "UPGRADE-SEQ-FRAGMENTS", "UPGRADE-SEQ-DEFLATE-BOMB",
		"UPGRADE-WS-EXT-REDOS", "UPGRADE-WS-EXT-BLANKS", "UPGRADE-WS-PROTO-REDOS",
	}
}

func TestProbesAreWhole(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range Probes() {
		if seen[p.ID] || p.Label == "" || FindProbe("comp-"+p.ID) != p {
			t.Errorf("%s is there twice, has no title or cannot be found", p.ID)
		}
		seen[p.ID] = true
		for _, id := range p.Also {
			if Find(id) == nil || id == p.rule.ID {
				t.Errorf("%s names %s", p.ID, id)
			}
		}
		h := p.On(NewHandshake("http", "a.test", "/chat", "AAAAAAAAAAAAAAAAAAAAAA=="))
		if state := h.Method != "GET" || h.Content != ""; state && p.Risk == Harmless && h.Method != "HEAD" && h.Method != "OPTIONS" && h.Method != "TRACE" && h.Method != "PRI" {
			t.Errorf("%s has method %s and %d bytes of content, and claims to be harmless", p.ID, h.Method, len(h.Content))
		}
	}
}

// flawless101 returns the 101 of a server that accepts the request. It switches to the protocol of
// the probe's control if the request offers that protocol or offers nothing, or if the probe is
// about this very answer. Otherwise it switches to the protocol that the request offers.
func flawless101(p *Probe, h *Handshake) string {
	q := wire.ReadRequest([]byte(h.Head()))
	offered, protocol := q.Protocols(), cmp.Or(p.Control, "websocket")
	if protocol == "masque" {
		protocol = "connect-udp"
	}
	if len(offered) > 0 && !hasProtocol(offered, protocol) && p.rule.ID != notOffered && !slices.Contains(p.Also, notOffered) {
		protocol = offered[0].String()
	}
	head := "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: " + protocol + "\r\n"
	if protocol == "websocket" {
		head += "Sec-WebSocket-Accept: " + acceptOf(string(first(&q.Head, keyField))) + "\r\n"
	}
	return head + "\r\n"
}

// misread returns the bytes after the 101 of a server that read the body of a probe as frames: the
// answers to these frames.
func misread(p *Probe) string {
	switch {
	case p.Class != Body:
		return ""
	case p.Control == "h2c":
		return "\x00\x00\x00\x04\x00\x00\x00\x00\x00" + "\x00\x00\x00\x04\x01\x00\x00\x00\x00"
	}
	return "\x8a\x02up"
}

const notOffered = "UPGRADE-101-NOT-OFFERED"

func acceptOf(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}

const flawlessRefusal = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\nSec-WebSocket-Version: 13\r\n\r\n"

// answered returns the exchange of a request and its answer, with accepted controls before and
// after it.
func answered(p *Probe, h *Handshake, answer, after string) *wire.Exchange {
	if p.HTTP2() {
		status := wire.ReadResponse([]byte(answer)).Status
		if q := wire.ReadRequest([]byte(h.Head())); status == 101 && (q.Has(":protocol") || q.Method == "CONNECT") {
			status = 200
		}
		return answered2(p, h, status)
	}
	var last *wire.Exchange
	common := &wire.Common{Origin: wire.OriginProbe, Probe: p.ID, Controls: wire.ControlsAccepted, Counts: new(wire.Counts),
		ClientTLS: h.Scheme == "https", BackendTLS: h.Scheme == "https",
		Emit: func(x *wire.Exchange) {
			if last == nil || x.ID == last.ID {
				last = x
			}
		},
		NewID: func() func(time.Time) string {
			n := 0
			return func(time.Time) string { n++; return string(rune('0' + n)) }
		}()}
	var c wire.Conversation
	c.Open(common)
	now := time.Unix(1, 0)
	c.Feed(wire.FromClient, []byte(h.First()), now)
	c.Feed(wire.FromServer, []byte(answer), now)
	if after != "" {
		c.Feed(wire.FromServer, []byte(after), now)
	}
	c.Ended(wire.FromServer, now)
	c.Settle(wire.CauseServer, now)
	return last
}

// TestProbesBreakOneRule checks probes that a server must reject. If a server accepts one, exactly
// the rules that it names are broken; if a server rejects it, none are.
func TestProbesBreakOneRule(t *testing.T) {
	base := NewHandshake("http", "a.test", "/chat", "dGhlIHNhbXBsZSBub25jZQ==")
	for _, p := range Probes() {
		if !p.Class.Refuses() && p.Class != Body || p.HTTP2() {
			continue
		}
		t.Run(p.ID, func(t *testing.T) {
			if defect := breaksOnly(p, p.On(base)); defect != "" {
				t.Error(defect)
			}
		})
	}
}

// breaksOnly describes the rules that the request of a probe breaks without naming them, and those
// that it names without breaking them. It is empty if there are none. On some bases further rules
// may be broken.
func breaksOnly(p *Probe, h *Handshake, further ...string) string {
	want := slices.Concat([]string{p.rule.ID}, p.Also, further)
	slices.Sort(want)
	worst := Fail
	if p.Soft {
		worst = Warn
	}
	var got []string
	for _, f := range Classify(Case{X: answered(p, h, flawless101(p, h), misread(p))}).Findings {
		if f.Verdict <= worst && f.Verdict < Pass && f.Severity > Info {
			got = append(append(got, f.Rule.ID), f.Related...)
		}
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		return fmt.Sprintf("answered by a flawless 101 it breaks %s, want %s", got, want)
	}
	for _, f := range Classify(Case{X: answered(p, h, flawlessRefusal, "")}).Findings {
		if f.Verdict == Fail || f.Verdict == Warn {
			return fmt.Sprintf("answered by a flawless refusal: %s %s: %s", f.Verdict, f.Rule.ID, f.Detail)
		}
	}
	return ""
}

// TestControlsAreSound checks that no rule fails for a control that is answered by a flawless 101.
func TestControlsAreSound(t *testing.T) {
	base := NewHandshake("http", "a.test", "/chat", "dGhlIHNhbXBsZSBub25jZQ==")
	for _, p := range Probes() {
		if !p.IsControl() || p.ID == "CTRL-PLAIN" || p.Control == HTTP2Plain {
			continue
		}
		h := p.On(base)
		after := ""
		if p.Control == "h2c" {
			after = "\x00\x00\x00\x04\x00\x00\x00\x00\x00"
		}
		for _, f := range Classify(Case{X: answered(p, h, flawless101(p, h), after)}).Findings {
			if f.Verdict == Fail {
				t.Errorf("%s: %s: %s", p.ID, f.Rule.ID, f.Detail)
			}
		}
	}
}
