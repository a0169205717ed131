package probe

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"slices"
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
	config := &tls.Config{Certificates: []tls.Certificate{certificate}, NextProtos: protocols}
	strict := config.Clone() // crypto/tls lets clients of HTTP/1.1 in where only h2 is offered
	strict.NextProtos = []string{"none"}
	config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if len(protocols) > 0 && !slices.ContainsFunc(protocols, func(p string) bool { return slices.Contains(hello.SupportedProtos, p) }) {
			return strict, nil
		}
		return nil, nil
	}
	ln, err := tls.Listen("tcp", "127.0.0.1:0", config)
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
	all := []string{"CTRL-H2-WS", "UPGRADE-H2-CHECK-VERSION", "UPGRADE-POST"}
	var probes []*rules.Probe
	for _, id := range all {
		probes = append(probes, rules.FindProbe(id))
	}
	for name, each := range map[string]struct {
		http      HTTP
		backend   string
		protocols []string
		sent      []string
		reason    string
	}{
		"both":        {Chosen, "h2-any-scheme", []string{"h2", "http/1.1"}, all, ""},
		"HTTP/1.1":    {Chosen, "h2-any-scheme", []string{"http/1.1"}, all[2:], `the server chooses "http/1.1" by ALPN`},
		"none":        {Chosen, "gorilla", nil, all[2:], "the server chooses no protocol by ALPN"},
		"not offered": {Chosen, "h2-not-offered", []string{"h2", "http/1.1"}, all[2:], "the server does not offer WebSockets over HTTP/2 (SETTINGS_ENABLE_CONNECT_PROTOCOL)"},
		"seen":        {Seen, "h2-any-scheme", []string{"h2", "http/1.1"}, all, ""},
		"h2 alone":    {Seen, "h2-any-scheme", []string{"h2"}, all[:1], ""},
	} {
		s, err := lab.Start(each.backend)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Close)
		addr := terminate(t, s.Addr, certificate, each.protocols...)
		target := Target{Address: addr, TLS: &tls.Config{RootCAs: pool}, Base: rules.NewHandshake("https", addr, s.Backend.Paths[0], "")}
		var ids []string
		report, err := Run(context.Background(), target, Settings{HTTP: each.http}, probes, func(x *wire.Exchange) {
			if !slices.Contains(ids, x.Probe) {
				ids = append(ids, x.Probe)
			}
		}, nil)
		slices.Sort(ids)
		if err != nil || !slices.Equal(ids, each.sent) || report.HTTP2 != each.reason || len(report.NotSent) != map[string]int{"h2 alone": 1}[name] {
			t.Errorf("%s: sent %v, not sent %+v, %q, %v", name, ids, report.NotSent, report.HTTP2, err)
		}
	}
}
