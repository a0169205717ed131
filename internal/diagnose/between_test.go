package diagnose_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/internal/diagnose"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// TestRemediesAreThoseOfTheProduct holds that a proxy that can be told by what it sends gets its own
// remedy, by the name that the user has given it too, and that a release is not told to upgrade to
// itself.
func TestRemediesAreThoseOfTheProduct(t *testing.T) {
	for _, c := range []struct {
		rule, hop, header string // the header is one that the client gets and the server has not sent
		id, fix, not      string
	}{
		{"UPGRADE-HOP-FORWARDED", "", "Server: nginx/1.27.0", "proxy-forwards-offer", "nginx: in http { }: map ", "HAProxy"},
		{"UPGRADE-HOP-FORWARDED", "haproxy", "", "proxy-forwards-offer", "HAProxy: http-request del-header Upgrade", "nginx"},
		{"UPGRADE-HOP-FORWARDED", "127.0.0.1:8080", "", "proxy-forwards-offer", "nginx: in http { }: map ", ""},
		{"UPGRADE-HOP-FORWARDED", "", "Server: Caddy", "proxy-forwards-offer", "forward Upgrade only for the protocols", "nginx"},
		{"UPGRADE-HOP-REUSE-RESPONSE", "", "Server: nginx/1.27.0", "proxy-reuses-connection", "nginx: leave keepalive out", "HAProxy"},
		{"UPGRADE-HOP-REUSE-RESPONSE", "", "Server: Caddy", "proxy-reuses-connection", "do not share connections", "nginx"},
		{"UPGRADE-HOP-REUSE-RESPONSE", "127.0.0.1:8080", "", "proxy-reuses-connection", "HAProxy: http-reuse never", ""},
		{"UPGRADE-HOP-TUNNEL-NON101", "", "Server: Apache/2.4.38 (Debian)", "proxy-tunnels-early", "Apache: upgrade to 2.4.47", ""},
		{"UPGRADE-HOP-TUNNEL-NON101", "", "Server: Apache/2.4.62 (Debian)", "proxy-tunnels-early", "keep the client's bytes", "2.4.47"},
		{"UPGRADE-HOP-IDENTITY-LOST", "traefik", "", "proxy-loses-identity", "Traefik: upgrade to 2.11.9", "Fabio"},
	} {
		response := "HTTP/1.1 200 OK\r\n"
		if c.header != "" {
			response += c.header + "\r\n"
		}
		far := &wire.Exchange{Request: wire.ReadRequest([]byte("GET / HTTP/1.1\r\nHost: a\r\n\r\n")), Response: wire.ReadResponse([]byte("HTTP/1.1 200 OK\r\n\r\n"))}
		r := rules.Classify(rules.Case{X: &wire.Exchange{
			Origin: wire.OriginChain, Probe: "CHAIN-H2C", Request: wire.ReadRequest([]byte("GET / HTTP/1.1\r\nHost: a\r\n\r\n")), Response: wire.ReadResponse([]byte(response + "\r\n")),
			Hop: &wire.Hop{Name: c.hop, Far: far},
		}})
		r.Findings = []rules.Finding{{Rule: rules.Find(c.rule), Verdict: rules.Fail, Severity: rules.High, Detail: "Proxy does it."}}
		r.Verdict = rules.Fail
		all := diagnose.Of(r)
		i := slices.IndexFunc(all, func(d rules.Diagnosis) bool { return d.ID == c.id })
		if i < 0 {
			t.Errorf("%+v: got %+v", c, all)
			continue
		}
		d := all[i]
		if !strings.Contains(d.Fix, c.fix) || c.not != "" && strings.Contains(d.Fix, c.not) || !slices.Contains(d.Explains, c.rule) || d.Text != "Proxy does it" {
			t.Errorf("%+v: got %+v", c, d)
		}
	}
}
