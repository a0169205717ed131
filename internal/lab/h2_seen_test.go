package lab

import (
	"bufio"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// A tap reads along what a client of a backend sends and receives, as the proxy does.
type tap struct {
	net.Conn
	mu    sync.Mutex
	c     wire.Conversation
	found map[string]*wire.Exchange
	order []string
	cause wire.Cause
}

func newTap(conn net.Conn) *tap {
	p := &tap{Conn: conn, found: map[string]*wire.Exchange{}, cause: wire.CauseClient}
	names := 0
	p.c.Open(&wire.Common{
		Origin: wire.OriginLive, Counts: new(wire.Counts),
		NewID: func(time.Time) string { names++; return string(rune('a' + names)) },
		Emit: func(x *wire.Exchange) {
			if p.found[x.ID] == nil {
				p.order = append(p.order, x.ID)
			}
			p.found[x.ID] = x
		},
	})
	return p
}

// dialTapped is dialH2 with a tap.
func dialTapped(t *testing.T, s *Server) (*h2Client, *tap) {
	t.Helper()
	conn, _ := say(t, s, "")
	p := newTap(conn)
	if _, err := io.WriteString(p, h2Preface); err != nil {
		t.Fatal(err)
	}
	return greetH2(t, p, bufio.NewReader(p)), p
}

func (p *tap) feed(d wire.Direction, b []byte) {
	p.c.Feed(d, b, time.Now())
	p.c.Wrote(d, len(b))
}

func (p *tap) Write(b []byte) (int, error) {
	p.mu.Lock()
	p.feed(wire.FromClient, b)
	p.mu.Unlock()
	return p.Conn.Write(b)
}

func (p *tap) Read(b []byte) (int, error) {
	n, err := p.Conn.Read(b)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.feed(wire.FromServer, b[:n]); err != nil {
		p.cause = wire.CauseServer
	}
	return n, err
}

// rulings ends the connection after so much time without a byte, and judges its exchanges.
func (p *tap) rulings(later time.Duration) (all []*rules.Ruling) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	for ; later > 0; later -= time.Second {
		now = now.Add(time.Second)
		p.c.Tick(now)
	}
	p.c.Settle(p.cause, now)
	for _, id := range p.order {
		all = append(all, rules.Classify(rules.Case{X: p.found[id]}))
	}
	return all
}

// besideTunnel does something in stream 3 while a tunnel is open in stream 1, and waits for the end.
func besideTunnel(do func(c *h2Client)) func(*h2Client) string {
	return func(c *h2Client) string {
		c.ask(1, false, h2Connect())
		do(c)
		if came := c.ping(); !strings.Contains(came, "GOAWAY") {
			return came
		}
		return c.ping() // to the end
	}
}

// TestH2FaultsAreSeenInTraffic checks that each fault that traffic can show breaks its rule, and that
// nothing is said against the correct backend for the same requests.
func TestH2FaultsAreSeenInTraffic(t *testing.T) {
	shows := h2Shows()
	malformedBeside := besideTunnel(func(c *h2Client) { c.send(3, false, h2Connect("x-a", "\x00")) })
	for name, seen := range map[string]struct {
		rule  string
		does  func(*h2Client) string // nil: what shows the fault
		later time.Duration
	}{
		"h2-101-raw": {rule: "UPGRADE-H2-101"}, "h2-101": {rule: "UPGRADE-H2-101"}, "h2-101-h2c": {rule: "UPGRADE-H2-H2C-FIELD"},
		"h2-tunnels-h2c": {rule: "UPGRADE-H2-PROTOCOL-H2C"}, "h2-any-protocol": {rule: "UPGRADE-H2-PROTOCOL-UNKNOWN"},
		"h2-first-protocol": {rule: "UPGRADE-H2-PROTOCOL-SYNTAX"}, "h2-page": {rule: "UPGRADE-H2-NOT-A-TUNNEL"},
		"h2-method": {rule: "UPGRADE-H2-METHOD"}, "h2-plain-connect": {rule: "UPGRADE-H2-PLAIN-CONNECT"}, "h2-connects": {rule: "UPGRADE-H2-PLAIN-CONNECT"},
		"h2-no-path": {rule: "UPGRADE-H2-PSEUDO"}, "h2-any-pseudo": {rule: "UPGRADE-H2-PSEUDO"}, "h2-any-value": {rule: "UPGRADE-H2-FIELD-SYNTAX"},
		"h2-connection-fields": {rule: "UPGRADE-H2-CONNECTION-FIELD"}, "h2-any-scheme": {rule: "UPGRADE-H2-SCHEME"}, "h2-any-host": {rule: "UPGRADE-H2-AUTHORITY"},
		"h2-ended": {rule: "UPGRADE-H2-END-STREAM"}, "h2-not-offered": {rule: "UPGRADE-H2-NOT-OFFERED"},
		"h2-setting-2": {rule: "UPGRADE-H2-SETTING-VALUE"}, "h2-setting-back": {rule: "UPGRADE-H2-SETTING-BACK"}, "h2-426-hop-fields": {rule: "UPGRADE-H2-ANSWER-FIELD"},
		"h2-no-501": {rule: "UPGRADE-H2-501"}, "h2-201": {rule: "UPGRADE-H2-STATUS"}, "h2-accept": {rule: "UPGRADE-H2-KEY"},
		"h2-malformed-hangs": {rule: "UPGRADE-H2-MALFORMED-ANSWER", later: wire.SilentAfter + time.Second},
		"h2-malformed-kills": {rule: "UPGRADE-H2-CONNECTION-KILLED", does: malformedBeside},
		"h2-close-resets":    {rule: "UPGRADE-H2-CLOSE"},
		"h2-never-ends":      {rule: "UPGRADE-H2-HALF-CLOSE", later: wire.HangsAfter + time.Second},
		"h2-trailers-kill": {rule: "UPGRADE-H2-CONNECTION-KILLED", does: besideTunnel(func(c *h2Client) {
			c.ask(3, false, h2Connect())
			_ = c.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 3, EndHeaders: true})
		})},
		"h2-ends-all": {rule: "UPGRADE-H2-CONNECTION-KILLED", does: besideTunnel(func(c *h2Client) {
			c.ask(3, false, h2Connect())
			_ = c.framer.WriteRSTStream(3, http2.ErrCodeCancel)
		})},
	} {
		does := seen.does
		if does == nil {
			does = shows[name].sees
		}
		for _, backend := range []string{name, "h2"} {
			c, p := dialTapped(t, start(t, backend))
			does(c)
			var broken []string
			for _, r := range p.rulings(seen.later) {
				for _, f := range r.Findings {
					if f.Verdict <= rules.Warn && f.Party == rules.Server {
						broken = append(broken, f.Rule.ID+": "+f.Detail)
					}
				}
			}
			has := slices.ContainsFunc(broken, func(s string) bool { return s[:min(len(s), len(seen.rule)+1)] == seen.rule+":" })
			switch {
			case backend == name && !has:
				t.Errorf("%s: %s is not among %q", name, seen.rule, broken)
			case backend == "h2" && len(broken) > 0:
				t.Errorf("%s, at the correct backend: %q", name, broken)
			}
		}
	}
}
