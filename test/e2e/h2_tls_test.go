//go:build e2e

package e2e

import (
	"crypto/tls"
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
)

// auditTLS starts serve in front of a backend that speaks TLS. Clients get HTTP/2 where the backend
// chooses it.
func auditTLS(t *testing.T, backend string) *process {
	t.Helper()
	cert, key := selfSigned(t)
	config := file(t, "interlock.yaml", fmt.Appendf(nil, "backend_tls: {insecure: true}\ntls:\n  certificates: [{cert: %s, key: %s}]\n  h2: audit\n", cert, key))
	return serve(t, backend, "--backend", "https://"+backend, "--config", config)
}

// nghttpxTLS runs nghttpx over TLS in front of a backend in HTTP/1.1.
func nghttpxTLS(t *testing.T, backend string) (addr string) {
	t.Helper()
	cert, key := selfSigned(t)
	return configured(t, "nghttpx", fmt.Sprintf("workers=1\nerrorlog-file=@DIR@/log\naccesslog-file=/dev/null\npid-file=@DIR@/pid\nfrontend=127.0.0.1,@PORT@\nbackend=%s\nprivate-key-file=%s\ncertificate-file=%s\n",
		strings.Replace(backend, ":", ",", 1), key, cert), "--conf=@CONFIG@")
}

// TestHTTP2InTLSGivesTheSame runs clients of HTTP/2 over TLS directly and through Interlock: they get the
// same. So do the cases of h2spec.
func TestHTTP2InTLSGivesTheSame(t *testing.T) {
	t.Parallel()
	site := nghttpxTLS(t, labServer(t, "gorilla"))
	p := auditTLS(t, site)
	said := func(name, pkg string, args ...string) func(string) string {
		return func(addr string) string {
			return succeed(t, program(t, name, pkg), append(args[:len(args):len(args)], "https://"+addr+"/api/items")...).stdout
		}
	}
	for _, each := range []struct {
		name, shows string
		run         func(addr string) string
	}{
		{"curl", items + "200 2", said("curl", "curl", "-sSk", "--http2", "-w", "%{http_code} %{http_version}")},
		{"nghttp", items, said("nghttp", "nghttp2-client", "--no-verify-peer", "-m", "10")},
		{"h2load", "500 2xx", func(addr string) string {
			return strings.Join(loadCounts.FindAllString(said("h2load", "nghttp2-client", "-n", "500", "-c", "3", "-m", "20")(addr), -1), "\n")
		}},
	} {
		direct, through := each.run(site), each.run(p.listen)
		if direct != through || !strings.Contains(through, each.shows) {
			t.Errorf("%s: got %q through Interlock, %q directly, want %q", each.name, clip(through), clip(direct), each.shows)
		}
	}
	passed, differing := againWhatDiffers(t, buildH2spec(t), site, p.listen, "/api/items", "tls")
	if passed < 130 || len(differing) > 0 {
		t.Errorf("h2spec: %d cases passed, want 130 at least; these have other results through Interlock: %q", passed, differing)
	}
}

// TestGRPCInTLSGivesTheSame is the same for gRPC.
func TestGRPCInTLSGivesTheSame(t *testing.T) {
	t.Parallel()
	cert, key := selfSigned(t)
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	addr := grpcServer(t, grpc.Creds(credentials.NewServerTLSFromCert(&pair)))
	p := auditTLS(t, addr)
	trusting := credentials.NewTLS(&tls.Config{InsecureSkipVerify: true})
	direct, through := talkGRPCWith(t, addr, trusting), talkGRPCWith(t, p.listen, trusting)
	if direct != through || through != grpcShown {
		t.Errorf("got %q through Interlock, %q directly, want %q", clip(through), clip(direct), grpcShown)
	}
}

// TestChromiumOpensAWebSocketOverHTTP2 loads a page over HTTP/2 through Interlock. Its WebSocket is opened
// in a stream of the same connection, works, is judged, and is shown with its frames.
func TestChromiumOpensAWebSocketOverHTTP2(t *testing.T) {
	t.Parallel()
	p := auditTLS(t, nghttpxTLS(t, page(t)))
	b := browser(t, p.admin, chromedp.Flag("ignore-certificate-errors", true), chromedp.Flag("host-resolver-rules", "MAP chat.example:443 "+p.listen))
	b.do(chromedp.Navigate("https://chat.example/"))
	b.until(`document.title == "echo hello"`)
	x := p.exchange(t, "/chat")
	if x.Method != "CONNECT" || x.Protocol != "websocket" || x.Status != 200 || x.Outcome != "switched" || x.Verdict != "pass" {
		t.Errorf("got %s, want an extended CONNECT that is switched and passes", x.text)
	}
	if closed := p.message(t, "tunnel closed"); closed.Exchange != x.Exchange || closed.ClientBytes == 0 || closed.ServerBytes == 0 {
		t.Errorf("got %s, want the bytes of both directions of exchange %s", closed.text, x.Exchange)
	}
	keptTunnel(t, p, x.Exchange)
	b.open("/exchanges/" + x.Exchange)
	b.until(`document.body.innerText.includes(":protocol: websocket") && document.querySelector("#tunnel")?.innerText.includes("1 text, 5 B")`)
	b.drawn("tunnel-http2")
	b.silent("the page of an exchange in HTTP/2")
}
