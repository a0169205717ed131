package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/proxy"
)

// TestWhatClientsOfHTTP2Get checks the way for a name, by the keys that are set.
func TestWhatClientsOfHTTP2Get(t *testing.T) {
	refuse, pass, audit := proxy.RefuseHTTP2, proxy.PassHTTP2, proxy.AuditHTTP2
	for name, test := range map[string]struct {
		keys listenTLSConfig
		want map[string]proxy.HTTP2
	}{
		"nothing set": {listenTLSConfig{}, map[string]proxy.HTTP2{"a.example": refuse, "": refuse}},
		"all":         {listenTLSConfig{H2: "audit"}, map[string]proxy.HTTP2{"a.example": audit, "": audit}},
		"old key":     {listenTLSConfig{H2Pass: []string{"*.Example"}}, map[string]proxy.HTTP2{"A.example": pass, "example": refuse}},
		"lists": {listenTLSConfig{H2: "pass", H2Audit: []string{"*.example"}, H2Pass: []string{"p.example"}, H2Refuse: []string{"r.*"}},
			map[string]proxy.HTTP2{"a.example": audit, "p.example": pass, "r.example": refuse, "other": pass}},
		"only refused": {listenTLSConfig{H2Refuse: []string{"r.*"}}, map[string]proxy.HTTP2{"r.example": refuse, "other": refuse}},
	} {
		of := test.keys.http2()
		for sni, want := range test.want {
			got := refuse
			if of != nil {
				got = of(sni)
			}
			if got != want {
				t.Errorf("%s: %q gets %d, want %d", name, sni, got, want)
			}
		}
	}
}

// TestFaultsOfHTTP2 checks that each mistake is one line.
func TestFaultsOfHTTP2(t *testing.T) {
	const front = "backend: https://127.0.0.1:1\n"
	for text, want := range map[string]string{
		"tls: {h2: yes}":                                                                   `tls.h2: must be refuse, pass or audit, not "yes"`,
		"tls: {h2_audit: [\"[\"]}":                                                         `tls.h2_audit[0]: "[" must be a name without scheme and port, or a glob such as *.example`,
		"tls: {h2_pass: [\"https://a.example\"]}":                                          `tls.h2_pass[0]: "https://a.example" must be a name without scheme and port`,
		"tls: {h2_audit: [x, \"a.example:443\"]}":                                          `tls.h2_audit[1]: "a.example:443" must be a name without scheme and port`,
		"tls: {h2_audit: [A.example], h2_pass: [a.example]}":                               `tls.h2_audit[0]: "A.example" is in tls.h2_pass already: a name can be in one list only`,
		"tls: {h2: audit}":                                                                 `tls.certificates: is missing: the listener needs a certificate to use TLS`,
		"host: a.example\ntls: {h2: audit}":                                                `host: cannot be set while tls.h2 or tls.h2_audit has HTTP/2 audited, in which no header is changed: remove one of them`,
		"listeners: [{listen: 127.0.0.1:0, tls: {h2_audit: [x]}}]\nhost: a.example":        `host: cannot be set while`,
		"tls: {h2_audit: [x]}\nroutes: [{name: a, sni: [x], backend: https://y, host: z}]": `routes[0].host: cannot be set while`,
	} {
		name := filepath.Join(t.TempDir(), "interlock.yaml")
		if err := os.WriteFile(name, []byte(front+text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		c, o := Defaults(), &Origin{Given: map[string]string{}}
		if err := o.Read(name, &c); err != nil {
			t.Fatal(err)
		}
		if err := c.Check(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
}

func TestUselessHTTP2IsWarnedAbout(t *testing.T) {
	byHost, bySNI := RouteConfig{Hosts: []string{"b.example"}, Backend: "https://127.0.0.1:2"}, RouteConfig{SNI: []string{"b.example"}, Backend: "https://127.0.0.1:2"}
	for _, test := range []struct {
		backend, h2 string
		routes      []RouteConfig
		want        string
	}{
		{"http://127.0.0.1:1", "audit", nil, textNoSecureBackend},
		{"https://127.0.0.1:1", "audit", nil, ""},
		{"https://127.0.0.1:1", "audit", []RouteConfig{byHost}, textRoutesByHost},
		{"https://127.0.0.1:1", "audit", []RouteConfig{bySNI}, ""},
		{"http://127.0.0.1:1", "pass", nil, textPassToPlain},
		{"https://127.0.0.1:1", "pass", []RouteConfig{byHost}, ""},
		{"http://127.0.0.1:1", "refuse", []RouteConfig{byHost}, ""},
	} {
		c := Defaults()
		c.Backend, c.TLS.H2, c.Routes = test.backend, test.h2, test.routes
		if got := strings.Join(c.Warnings(), "\n"); got != test.want {
			t.Errorf("%+v: got %q", test, got)
		}
	}
}
