package server

import (
	"net"
	"testing"

	"github.com/interlock-proxy/interlock/internal/config"
	"github.com/interlock-proxy/interlock/proxy"
	"github.com/interlock-proxy/interlock/wire"
)

// TestRoutesAreChosen checks that a connection goes to the first route that matches completely.
func TestRoutesAreChosen(t *testing.T) {
	c := config.Defaults()
	c.Backend = "http://127.0.0.1:1"
	c.Listeners = []config.ListenerConfig{{Listen: ":8443"}, {Listen: "localhost:8444"}}
	c.Routes = []config.RouteConfig{
		{Name: "both", Hosts: []string{"*.chat.test"}, SNI: []string{"sni.test"}, Backend: "http://127.0.0.1:2"},
		{Name: "host", Hosts: []string{"*.Chat.test", "exact.test"}, Backend: "http://127.0.0.1:3"},
		{Name: "sni", SNI: []string{"*.sni.test"}, Backend: "unix:/run/app.sock"},
		{Name: "any address", Listen: ":8443", Backend: "http://127.0.0.1:4"},
		{Name: "by name", Listen: "localhost:8444", Backend: "http://127.0.0.1:5"},
	}
	for i := range c.Routes {
		c.Routes[i].Guard = "off"
	}
	routes, err := newRouting(&c, NewAudit(c, nil), nil)
	if err != nil {
		t.Fatal(err)
	}
	first := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8426}
	for name, each := range map[string]struct {
		end  net.Addr
		sni  string
		head string // header lines after the request line
		want string
	}{
		"host and SNI":         {first, "sni.test", "Host: a.chat.test\r\n", "both"},
		"host alone":           {first, "", "Host: A.CHAT.test:8426\r\n", "host"},
		"host and another SNI": {first, "other.test", "Host: exact.test\r\n", "host"},
		"a dot at the end":     {first, "", "Host: exact.test.\r\n", "host"},
		"SNI alone":            {first, "A.sni.test", "Host: other.test\r\n", "sni"},
		"SNI and no Host":      {first, "a.sni.test", "", "sni"},
		"an address of all":    {&net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 8443}, "", "Host: other.test\r\n", "any address"},
		"an address by name":   {&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8444}, "", "Host: other.test\r\n", "by name"},
		"another address":      {&net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 8444}, "", "Host: other.test\r\n", "default"},
		"nothing":              {first, "", "Host: other.test\r\n", "default"},
		"two hosts":            {first, "", "Host: exact.test\r\nHost: exact.test\r\n", "default"},
		"a list of hosts":      {first, "", "Host: exact.test, other.test\r\n", "default"},
		"userinfo":             {first, "", "Host: a@exact.test\r\n", "default"},
	} {
		q := wire.ReadRequest([]byte("GET / HTTP/1.1\r\n" + each.head + "\r\n"))
		if b, why := routes.choose(&proxy.Arrival{Listener: each.end, SNI: each.sni, Request: q}); b.Route != each.want || (why != "") != (each.want == "default") {
			t.Errorf("%s: got %s (%q), want %s", name, b.Route, why, each.want)
		}
	}
	stream := wire.ReadRequest([]byte("HTTP/2\r\n:method: CONNECT\r\n:protocol: websocket\r\n:scheme: https\r\n:path: /\r\n:authority: exact.test:443\r\n\r\n"))
	if b, why := routes.choose(&proxy.Arrival{Listener: first, SNI: "other.test", Request: stream}); b.Route != "host" || why != "" {
		t.Errorf("a stream of HTTP/2: got %s (%q), want host", b.Route, why)
	}
	routes.refuse = true
	for _, q := range []*wire.Request{nil, wire.ReadRequest([]byte("GET / HTTP/1.1\r\nHost: other.test\r\n\r\n"))} {
		if b, why := routes.choose(&proxy.Arrival{Listener: first, Request: q}); b != nil || why == "" {
			t.Errorf("got %v, %q, want a reason to refuse", b, why)
		}
	}
}

// TestRoutesThatNeedNoHead checks that a backend is chosen before the request only if no Host could
// select another one.
func TestRoutesThatNeedNoHead(t *testing.T) {
	c := config.Defaults()
	c.Backend, c.Dial = "http://127.0.0.1:1", config.DialEager
	c.Listeners = []config.ListenerConfig{{Listen: "127.0.0.1:8443"}}
	c.Routes = []config.RouteConfig{
		{Name: "listener", Listen: "127.0.0.1:8443", Backend: "http://127.0.0.1:2", Guard: "off", Dial: config.DialEager},
		{Name: "sni", SNI: []string{"*.sni.test"}, Backend: "http://127.0.0.1:3", Guard: "off", Dial: config.DialLazy},
		{Name: "host", Hosts: []string{"*"}, SNI: []string{"host.test"}, Backend: "http://127.0.0.1:4", Guard: "off"},
	}
	routes, err := newRouting(&c, NewAudit(c, nil), nil)
	if err != nil {
		t.Fatal(err)
	}
	first, second := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8426}, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8443}
	for _, each := range []struct {
		end   net.Addr
		sni   string
		want  string
		eager bool
	}{{second, "host.test", "listener", true}, {first, "a.sni.test", "sni", false}, {first, "host.test", "", false}, {first, "", "default", true}} {
		b, _ := routes.choose(&proxy.Arrival{Listener: each.end, SNI: each.sni, Early: true})
		if b == nil && each.want != "" || b != nil && (b.Route != each.want || b.Eager != each.eager) {
			t.Errorf("%v, %q: got %v, want %q", each.end, each.sni, b, each.want)
		}
	}
}
