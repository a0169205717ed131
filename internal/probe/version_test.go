package probe

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/internal/lab"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// terminate accepts TLS with these protocols, and passes on what is inside to a backend in plain text.
func terminate(t *testing.T, backend string, certificate tls.Certificate, protocols ...string) string {
	t.Helper()
	ln, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{certificate}, NextProtos: protocols})
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				defer conn.Close()
				conn.SetDeadline(time.Now().Add(patience))
				far, err := net.Dial("tcp", backend)
				if err != nil {
					return
				}
				defer far.Close()
				var back sync.WaitGroup
				back.Go(func() {
					_, _ = io.Copy(conn, far)
					conn.Close()
				})
				_, _ = io.Copy(far, conn)
				far.Close()
				back.Wait()
			})
		}
	})
	t.Cleanup(func() {
		ln.Close()
		serving.Wait()
	})
	return ln.Addr().String()
}

// TestVersionsByALPN lets servers choose the version of HTTP by ALPN, with a run that follows them.
func TestVersionsByALPN(t *testing.T) {
	certificate, pool := identity(t)
	probes := []*rules.Probe{rules.FindProbe("CTRL-H2-WS"), rules.FindProbe("UPGRADE-H2-CHECK-VERSION"), rules.FindProbe("UPGRADE-POST")}
	for name, each := range map[string]struct {
		backend   string
		protocols []string
		sent      int
		reason    string
	}{
		"both":        {"h2-any-scheme", []string{"h2", "http/1.1"}, 3, ""},
		"HTTP/1.1":    {"h2-any-scheme", []string{"http/1.1"}, 1, `the server chooses "http/1.1" by ALPN`},
		"none":        {"gorilla", nil, 1, "the server chooses no protocol by ALPN"},
		"not offered": {"h2-not-offered", []string{"h2", "http/1.1"}, 1, "the server does not offer WebSockets over HTTP/2 (SETTINGS_ENABLE_CONNECT_PROTOCOL)"},
	} {
		s, err := lab.Start(each.backend)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Close)
		addr := terminate(t, s.Addr, certificate, each.protocols...)
		target := Target{Address: addr, TLS: &tls.Config{RootCAs: pool}, Base: rules.NewHandshake("https", addr, s.Backend.Paths[0], "")}
		ids := map[string]bool{}
		report, err := Run(context.Background(), target, Settings{HTTP: Chosen}, probes, func(x *wire.Exchange) { ids[x.Probe] = true }, nil)
		if err != nil || len(ids) != each.sent || !ids["UPGRADE-POST"] || report.HTTP2 != each.reason || len(report.NotSent) > 0 {
			t.Errorf("%s: sent %v, not sent %+v, %q, %v", name, ids, report.NotSent, report.HTTP2, err)
		}
	}
}
