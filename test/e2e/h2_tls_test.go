//go:build e2e

package e2e

import (
	"crypto/tls"
	"fmt"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
)

// auditTLS starts serve in front of a backend that speaks TLS. Clients get HTTP/2 where the backend
// chooses it.
func auditTLS(t *testing.T, backend, more string) *process {
	t.Helper()
	cert, key := selfSigned(t)
	config := file(t, "interlock.yaml", fmt.Appendf(nil, "backend_tls: {insecure: true}\ntls:\n  certificates: [{cert: %s, key: %s}]\n  h2: audit\n%s", cert, key, more))
	return serve(t, backend, "--backend", "https://"+backend, "--config", config)
}

// TestHTTP2InTLSIsForwardedUnchanged is TestHTTP2IsForwardedUnchanged in TLS, and has the cases of h2spec too.
func TestHTTP2InTLSIsForwardedUnchanged(t *testing.T) {
	t.Parallel()
	secure := newTLSPair(t)
	pair, err := tls.LoadX509KeyPair(secure.cert, secure.key)
	if err != nil {
		t.Fatal(err)
	}
	said := func(name, pkg string, args ...string) func(*testing.T, string) string {
		return func(t *testing.T, addr string) string {
			return succeed(t, program(t, name, pkg), append(slices.Clone(args), "https://"+addr+"/api/items")...).stdout
		}
	}
	site := nghttpx(t, labServer(t, "gorilla"), secure)
	for _, c := range []h2Client{
		{name: "curl", shows: items + "200 2", run: said("curl", "curl", "-sSk", "--http2", "-w", "%{http_code} %{http_version}")},
		{name: "nghttp", shows: items, run: said("nghttp", "nghttp2-client", "--no-verify-peer", "--padding=7", "--continuation", "-m", "10")},
		{name: "h2load", shows: "500 2xx", run: func(t *testing.T, addr string) string {
			return strings.Join(loadCounts.FindAllString(said("h2load", "nghttp2-client", "-n", "500", "-c", "3", "-m", "20")(t, addr), -1), "\n")
		}},
		{name: "gRPC", shows: grpcShown, run: func(t *testing.T, addr string) string {
			return talkGRPCWith(t, addr, credentials.NewTLS(&tls.Config{InsecureSkipVerify: true}))
		}},
		{name: "h2spec"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			addr := site
			if c.name == "gRPC" {
				addr = grpcServer(t, grpc.Creds(credentials.NewServerTLSFromCert(&pair)))
			}
			_, before, behind := tappedTLS(t, addr, secure)
			if c.run == nil {
				passed, differing := againWhatDiffers(t, buildH2spec(t), addr, before.addr, "/api/items", "tls")
				if passed < 130 || len(differing) > 0 {
					t.Errorf("%d cases passed, want 130 at least; these have other results through Interlock: %q", passed, differing)
				}
			} else if direct, through := c.run(t, addr), c.run(t, before.addr); direct != through || !strings.Contains(through, c.shows) {
				t.Errorf("got %q through Interlock, %q directly, want %q", clip(through), clip(direct), clip(c.shows))
			}
			unchanged(t, before, behind)
		})
	}
}
