//go:build e2e

package e2e

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/internal/chain"
	"github.com/interlock-proxy/interlock/internal/lab/ports"
	"github.com/interlock-proxy/interlock/rules"
)

// h2Chained has what the probes of chain over HTTP/2 find at each gateway, by the same code names.
const h2Chained = "http2/chain.txt"

// TestChainOverHTTP2 sends the probes of chain --http 2 through each gateway, and compares what they find with
// the table.
func TestChainOverHTTP2(t *testing.T) {
	t.Parallel()
	chainOverHTTP2(t, h2Rounds())
}

// h2ChainGateways are the gateways that open WebSockets over HTTP/2, by code name.
func h2ChainGateways() map[string]string {
	return map[string]string{"gateway-a": "nghttpx", "gateway-b": "haproxy", "gateway-c": "apache", "gateway-d": "lighttpd"}
}

func chainOverHTTP2(t *testing.T, rounds int) {
	t.Helper()
	gateways := h2ChainGateways()
	compareWithTable(t, h2Chained, slices.Sorted(maps.Keys(gateways)), func(t *testing.T, code string, cells map[string]string) (rows string) {
		sink, err := chain.Listen("127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer sink.Close()
		addr := h2Gateways()[gateways[code]](t, sink.Addr, tlsPair{})
		found := alternatives{}
		for range rounds {
			for id, got := range chainHTTP2(t, &chain.Hop{Address: addr, Host: addr}, sink) {
				found.take(t, cells, id, got, "")
			}
		}
		return found.rows(24)
	})
}

// TestChainOverHTTP2InTLS sends the probes to gateways that choose HTTP/2 by ALPN, and compares what they find with
// the table: TLS changes nothing. The command trusts the certificate that it is given, and no other.
func TestChainOverHTTP2InTLS(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(h2Chained)
	if err != nil {
		t.Fatal(err)
	}
	table := h2Cells(t, string(text))
	secure := newTLSPair(t)
	pem, err := os.ReadFile(secure.cert)
	if err != nil {
		t.Fatal(err)
	}
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(pem)
	for code, name := range h2ChainGateways() {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			sink, err := chain.Listen("127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			addr := h2Gateways()[name](t, sink.Addr, secure)
			hop := &chain.Hop{Address: addr, Host: "chat.example", TLS: &tls.Config{RootCAs: trusted, ServerName: "chat.example"}}
			found := alternatives{}
			for id, got := range chainHTTP2(t, hop, sink) {
				found.take(t, table[code], id, got, " in TLS")
			}
			sink.Close() // its address is that of the command's
			args := []string{"chain", "--http", "2", "--via", "https://" + addr, "--listen", sink.Addr, "--host", "chat.example", "--sni", "chat.example", "--only", "CHAIN-H2-WS", "--store", "memory", "--wait", "20s"}
			if r := run(t, "interlock", append(args, "--ca-cert", secure.cert)...); r.status != 0 || !strings.Contains(r.stdout, "HTTP/2: a WebSocket over HTTP/2 passes") {
				t.Errorf("got status %d, %s%s", r.status, r.stdout, r.stderr)
			}
			if r := run(t, "interlock", args...); r.status != 3 || !strings.Contains(r.stdout, "the certificate of the proxy is not trusted") {
				t.Errorf("without the certificate: got status %d, %s%s", r.status, r.stdout, r.stderr)
			}
		})
	}
}

// haproxyRuled runs HAProxy with rules about requests.
func haproxyRuled(t *testing.T, backend, rules string) (addr string) {
	t.Helper()
	return configured(t, "haproxy", "defaults\n mode http\n timeout connect 5s\n timeout client 1h\n timeout server 1h\n"+
		"frontend f\n bind 127.0.0.1:@PORT@\n"+rules+" default_backend b\nbackend b\n server s "+backend+"\n", "-db", "-f", "@CONFIG@")
}

// TestChainReachesWhatGatewaysProtect names a path that a gateway rejects. Where the gateway takes an extended CONNECT
// for another method than GET, and its rule is about GET only, the CONNECT reaches the backend.
func TestChainReachesWhatGatewaysProtect(t *testing.T) {
	t.Parallel()
	const reaches = "CHAIN-H2-DENIED-CONNECT: UPGRADE-H2-ACCESS"
	for _, each := range []struct {
		start      func(t *testing.T, backend, rule string) (addr string)
		rule, want string
	}{
		{haproxyRuled, " http-request deny if { path /admin }\n", ""},
		{haproxyRuled, " http-request deny if { path /admin } { method GET }\n", ""}, // it reads the CONNECT as a GET
		{lighttpdWith, `$HTTP["url"] =~ "^/admin" { url.access-deny = ( "" ) }`, ""},
		{lighttpdWith, `$HTTP["request-method"] == "GET" { $HTTP["url"] =~ "^/admin" { url.access-deny = ( "" ) } }`, reaches},
	} {
		rule, want := each.rule, each.want
		sink, err := ports.Free(1)
		if err != nil {
			t.Fatal(err)
		}
		addr := each.start(t, sink[0], rule)
		got := ""
		for _, timeout := range []string{"1s", "3s", "9s"} { // a proxy that a busy machine delays looks like another one
			r := run(t, "interlock", "chain", "--http", "2", "--via", "http://"+addr, "--listen", sink[0], "--protected", "/admin", "--only", "CHAIN-H2-DENIED-GET,CHAIN-H2-DENIED-CONNECT,CHAIN-H2-DENIED-UNKNOWN", "--timeout", timeout, "--store", "memory", "-o", "json")
			var d struct {
				Hops []struct {
					Results []struct {
						Probe, Verdict, Why string
						Faults              []struct{ Rule string }
					}
				}
			}
			if err := json.Unmarshal([]byte(r.stdout), &d); err != nil || len(d.Hops) != 1 {
				t.Fatalf("%v: %s%s", err, r.stdout, r.stderr)
			}
			var broken []string
			for _, is := range d.Hops[0].Results {
				for _, f := range is.Faults {
					broken = append(broken, is.Probe+": "+f.Rule)
				}
				if is.Verdict == "not-applicable" {
					broken = append(broken, is.Probe+": "+is.Why)
				}
			}
			if got = strings.Join(broken, "; "); got == want {
				break
			}
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", rule, got, want)
		}
	}
}

// chainHTTP2 sends the probes through a gateway, and returns what each finds.
func chainHTTP2(t *testing.T, hop *chain.Hop, sink *chain.Sink) map[string]string {
	t.Helper()
	probes, err := chain.Select(nil, nil, false, chain.HTTP2)
	if err != nil {
		t.Fatal(err)
	}
	cells := map[string]string{}
	_, err = chain.Run(t.Context(), hop, sink, chain.Settings{}, probes, func(r chain.Result) {
		if !strings.HasPrefix(r.Probe.ID, "CHAIN-H2-") {
			return // the controls are the same as in HTTP/1.1
		}
		cell := r.Verdict.String()
		for _, f := range r.Ruling.Findings {
			if f.Verdict < rules.Pass {
				cell += fmt.Sprintf(" %v %s", f.Severity, f.Rule.ID)
			}
		}
		if r.Verdict == rules.Pass && len(r.Facts) > 0 && strings.HasPrefix(r.Facts[0], "self") {
			cell = r.Facts[0]
		}
		cells[r.Probe.ID] = cell
	})
	if err != nil {
		t.Fatal(err)
	}
	return cells
}

// TestChainThroughAProxyOfTheLab runs the commands of the documentation: a proxy of the lab with a fault in HTTP/2, and
// the probes of both versions.
func TestChainThroughAProxyOfTheLab(t *testing.T) {
	t.Parallel()
	sink, err := ports.Free(1)
	if err != nil {
		t.Fatal(err)
	}
	addr := started(t, func(_, addr, _ string) *exec.Cmd {
		return exec.Command("interlock", "lab", "h2-forwards-early", "--listen", addr, "--backend", sink[0])
	})
	r := run(t, "interlock", "chain", "--http", "both", "--via", "http://"+addr, "--listen", sink[0], "--only", "CHAIN-PREMATURE*,CHAIN-H2-EARLY", "--store", "memory")
	if r.status != 1 || !strings.Contains(r.stdout, "fails in HTTP/2 only: CHAIN-H2-EARLY (passes as CHAIN-PREMATURE-RAW)") {
		t.Errorf("got status %d, %s%s", r.status, r.stdout, r.stderr)
	}
}
