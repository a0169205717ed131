package lab

import (
	"net/http"

	"golang.org/x/net/http2"
)

// A gatewayManner is how a gateway from HTTP/2 to HTTP/1.1 behaves. The zero value is correct.
type gatewayManner struct {
	offersNone   bool // it opens no tunnels, which is correct
	early        bool // it forwards DATA before the answer
	late         bool // it forwards DATA after a rejection
	opensAny     bool // it takes any 2xx for a tunnel
	unchecked    bool // it takes any 101 for one that accepts the handshake
	opensAtOnce  bool // it opens the tunnel before the backend has answered
	crumbs       bool // it does not join Cookie headers
	keepsLength  bool // its 200 has Content-Length and Transfer-Encoding of the 101
	losesFirst   bool // it loses bytes in the segment of a 101
	losesInterim bool // it takes an interim response for the final one
	subprotocol  bool // it opens the tunnel and drops the subprotocol
	unguarded    bool // its access rules are about HTTP/1.1 only
	onlyGET      bool // its access rules are about GET only
	refusesAgain bool // it sends REFUSED_STREAM where the backend closes without an answer
	hangs        bool // it does not answer then
}

// An h2Gateway is a gateway with one fault, or the correct one.
type h2Gateway struct {
	name, about string
	manner      gatewayManner
}

// h2Gateways returns the correct gateway and the faults.
func h2Gateways() []h2Gateway {
	return []h2Gateway{
		{"h2-gateway", "speaks HTTP/2 to clients and HTTP/1.1 to its backend, and is correct", gatewayManner{}},
		{"h2-no-tunnels", "is correct, and offers no WebSockets over HTTP/2", gatewayManner{offersNone: true}},
		{"h2-forwards-early", "forwards the bytes of a stream before the backend has answered", gatewayManner{early: true}},
		{"h2-forwards-refused", "forwards the bytes of a stream after the backend has rejected it", gatewayManner{late: true}},
		{"h2-opens-at-once", "opens a tunnel before the backend has answered", gatewayManner{opensAtOnce: true}},
		{"h2-opens-any-2xx", "opens a tunnel for any 2xx", gatewayManner{opensAny: true}},
		{"h2-opens-any-101", "opens a tunnel for any 101", gatewayManner{unchecked: true}},
		{"h2-drops-subprotocol", "opens a tunnel with a subprotocol that the client does not learn of", gatewayManner{subprotocol: true}},
		{"h2-keeps-length", "repeats Content-Length and Transfer-Encoding of a 101 in its 200", gatewayManner{keepsLength: true}},
		{"h2-loses-first", "loses bytes in the segment of a 101", gatewayManner{losesFirst: true}},
		{"h2-loses-interim", "takes an interim response for the final one", gatewayManner{losesInterim: true}},
		{"h2-crumbs", "does not join the Cookie headers of HTTP/2", gatewayManner{crumbs: true}},
		{"h2-unguarded", "applies its access rules to HTTP/1.1 only", gatewayManner{unguarded: true}},
		{"h2-guards-get", "applies its access rules to GET only", gatewayManner{onlyGET: true}},
		{"h2-retries", "sends REFUSED_STREAM for a request that its backend has got", gatewayManner{refusesAgain: true}},
		{"h2-hangs", "answers nothing where the backend closes without an answer", gatewayManner{hangs: true}},
	}
}

// H2Gateways returns the names of the gateways, the correct one first. [StartHop] runs them. Each speaks
// HTTP/2 by prior knowledge, or over TLS by ALPN, and HTTP/1.1 as the correct hop does.
func H2Gateways() (names []string) {
	for _, g := range h2Gateways() {
		names = append(names, g.name)
	}
	return names
}

// A Proxy is what [RunHop] runs by name.
type Proxy struct {
	Name, About string
	Sound       bool
}

// Proxies returns those that speak HTTP/1.1, then the gateways from HTTP/2 to HTTP/1.1.
func Proxies() (all []Proxy) {
	for f := range hopFaults {
		name, about := f.name()
		all = append(all, Proxy{name, about, f.isSound()})
	}
	for _, g := range h2Gateways() {
		all = append(all, Proxy{g.name, g.about, g.manner == gatewayManner{offersNone: g.manner.offersNone}})
	}
	return all
}

// refuses returns the status with which the gateway itself answers a request; 0 if it forwards that.
func (m *gatewayManner) refuses(f *http2.MetaHeadersFrame) int {
	method, path := f.PseudoValue("method"), f.PseudoValue("path")
	connect := method == http.MethodConnect
	guarded := !m.unguarded && (method == http.MethodGet || !m.onlyGET)
	switch status := rejects(path, hasField(f, "authorization")); {
	case guarded && status != 0:
		return status
	case connect && (m.offersNone || f.PseudoValue("protocol") == ""):
		return http.StatusMethodNotAllowed
	case connect && f.PseudoValue("protocol") != "websocket" && !m.onlyGET:
		return http.StatusNotImplemented
	case !connect && method != http.MethodGet, connect == f.StreamEnded():
		return http.StatusMethodNotAllowed
	}
	return 0
}

func hasField(f *http2.MetaHeadersFrame, name string) bool {
	for _, field := range f.RegularFields() {
		if field.Name == name {
			return true
		}
	}
	return false
}
