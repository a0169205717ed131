package diagnose

import (
	"fmt"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/rules"
)

// broken is the observation that a proxy, of which both sides were seen, breaks one of some rules.
func broken(ids ...string) func(*View) string {
	return func(v *View) string {
		if v.X.Hop == nil {
			return ""
		}
		for i := range v.Ruling.Findings {
			f := &v.Ruling.Findings[i]
			if f.Verdict < rules.Unclear && f.Severity > rules.Info && slices.Contains(ids, f.Rule.ID) {
				return strings.TrimSuffix(f.Detail, ".")
			}
		}
		return ""
	}
}

// madeAnOffer is the observation that a proxy sends on an Upgrade header as an offer that the client has
// not made. A proxy that removes the header and forwards a 101 all the same has another fault.
func madeAnOffer(v *View) string {
	if h := v.X.Hop; h == nil || h.Far == nil || !h.Far.Request.Has("Upgrade") {
		return ""
	}
	return broken("UPGRADE-HOP-CONN-FABRICATED")(v)
}

// byProduct are the causes of a fault of a proxy whose both sides were seen: one for each product that
// has a remedy of its own, in which the text has a %s, then the general remedy for other products that
// are known, and for one that is not known the usual remedies.
func byProduct(text string, fix []Remedy) []Cause {
	var products []string
	for _, r := range fix {
		if r.Product != "" {
			products = append(products, r.Product)
		}
	}
	return append(named(text, between, fix, products...),
		Cause{Text: fmt.Sprintf(text, "This proxy"), Certainty: rules.Likely, Mark: betweenKnown, Fix: only(fix, "")},
		Cause{Text: fmt.Sprintf(text, "The proxy"), Certainty: rules.Possible, Fix: usualAnd(fix)})
}

// proxyRefs are what the RFCs say about proxies and upgrades in general.
func proxyRefs() []rules.Ref {
	return []rules.Ref{
		{RFC: "9110", Section: "7.6.1", Text: "a proxy removes the headers that Connection lists, and writes its own"},
		{RFC: "9110", Section: "7.8", Text: "Upgrade is about one connection, and changes with a 101 alone"},
	}
}

// websocketOnly is how proxies are told to forward a valid offer of WebSocket and nothing else.
func websocketOnly() []Remedy {
	return []Remedy{
		{"nginx", `in http { }: map "$server_protocol $http_upgrade $http_connection" $websocket { default ""; "~*^HTTP/1\.1 websocket (.*, *)?upgrade *(,.*)?$" websocket; } ` +
			`map $websocket $websocket_connection { default ""; websocket upgrade; } ` +
			`in the location: proxy_set_header Upgrade $websocket; proxy_set_header Connection $websocket_connection; proxy_set_header HTTP2-Settings "";`},
		{"HAProxy", `http-request del-header Upgrade if HTTP_1.0 or !{ req.hdr(upgrade) -i websocket } or !{ req.hdr(connection) -m sub -i upgrade }, then ` +
			`http-request set-header Upgrade websocket if { req.hdr(upgrade) -m found }, then http-request del-header Connection if !{ req.hdr(upgrade) -m found }, then ` +
			`http-request del-header HTTP2-Settings`},
		{"Apache", `ProxyPass "/chat" "http://backend:8080/chat" upgrade=websocket, not upgrade=ANY and no RequestHeader set Connection or Upgrade; ` +
			`beside it, with mod_headers: RequestHeader unset Upgrade "expr=%{SERVER_PROTOCOL} == 'HTTP/1.0' || ! (%{HTTP:Connection} =~ /upgrade/i) || ! (%{HTTP:Upgrade} =~ /^websocket$/i)"`},
		{"Envoy", `upgrade_configs: [{upgrade_type: websocket}] and no other type, in the HttpConnectionManager or in the route`},
		{"Varnish", `in vcl_recv: return (pipe) only if (req.http.Upgrade ~ "(?i)^websocket$" && req.http.Connection ~ "(?i)upgrade"), else unset req.http.Upgrade; in vcl_pipe: set bereq.http.Upgrade = "websocket"; set bereq.http.Connection = "upgrade";`},
		{"Squid", `http_upgrade_request_protocols WebSocket allow all, and http_upgrade_request_protocols OTHER deny all`},
		{"", `forward Upgrade only for the protocols that the proxy carries, write its value and Connection: upgrade instead of copying them, and remove Upgrade from requests without the option or of HTTP/1.0`},
	}
}

var _ = register(Kind{
	ID: "proxy-adds-upgrade", Family: Proxies, Stages: Any,
	Title: "A proxy makes an offer of a request that has none",
	Why: `The proxy sends Connection: upgrade whether the client did or not. A correct server then takes
the client's Upgrade header for an offer, and the client, or a proxy before this one, gets a 101 that it
did not ask for.`,
	Refs: proxyRefs(), Rules: []string{"UPGRADE-HOP-CONN-FABRICATED"}, See: madeAnOffer,
	Causes: byProduct("%s writes Connection without a look at the client's", websocketOnly()),
})

var _ = register(Kind{
	ID: "proxy-forwards-offer", Family: Proxies, Stages: Any,
	Title: "A proxy forwards offers of other protocols than WebSocket, or of HTTP/1.0 clients",
	Why: `The proxy copies the client's Upgrade header. With h2c, TLS or another protocol the client gets a
tunnel in which the proxy's rules for paths, logins and headers do not apply; a client of HTTP/1.0
must not get a 101 at all.`,
	Refs:  append(proxyRefs(), rules.Ref{RFC: "9113", Section: "3.1", Text: "h2c through Upgrade is no longer part of HTTP/2"}),
	Rules: []string{"UPGRADE-HOP-FORWARDED", "UPGRADE-HOP-VERSION"}, See: broken("UPGRADE-HOP-FORWARDED", "UPGRADE-HOP-VERSION"),
	Causes: byProduct("%s copies the client's Upgrade header", websocketOnly()),
})

var _ = register(Kind{
	ID: "proxy-tunnels-early", Family: Proxies, Stages: Any,
	Title: "A proxy relays bytes before the server's 101, or without one",
	Why: `The proxy takes the connection for a tunnel as soon as it has forwarded the offer. If the server
rejects the offer, what the client sends next are requests that the proxy has never read.`,
	Refs:  append(proxyRefs(), rules.Ref{RFC: "9931", Section: "4.1", Text: "a server that rejects an offer reads what follows as the next request"}),
	Rules: []string{"UPGRADE-HOP-PREMATURE", "UPGRADE-HOP-TUNNEL-NON101"}, See: broken("UPGRADE-HOP-PREMATURE", "UPGRADE-HOP-TUNNEL-NON101"),
	Causes: []Cause{
		{Text: "Varnish pipes a connection as soon as it has sent the request", Certainty: rules.Likely, Mark: between("Varnish"),
			Fix: []Remedy{{"Varnish", `return (pipe) only for the paths of WebSocket endpoints, and not for paths whose requests must be checked: what follows in the pipe is not read`}}},
		{Text: "mod_proxy_wstunnel opens a tunnel whatever the server answers (CVE-2019-17567)", Certainty: rules.Likely, Mark: until("Apache", "2.4.47"),
			Fix: []Remedy{{"Apache", `upgrade to 2.4.47 or later, and use ProxyPass "/chat" "http://backend:8080/chat" upgrade=websocket, not ws:// with mod_proxy_wstunnel`}}},
		{Text: "Envoy forwards early data (CVE-2025-64763)", Certainty: rules.Likely, Mark: between("Envoy"),
			Fix: []Remedy{{"Envoy", "upgrade to a release that rejects early data of CONNECT and upgrade requests (CVE-2025-64763)"}}},
		{Text: "Pingora relays bytes as soon as it has forwarded the offer (CVE-2026-2833)", Certainty: rules.Likely, Mark: between("Pingora"),
			Fix: []Remedy{{"Pingora", "upgrade to 0.8.0 or later"}}},
		{Text: "The proxy does not wait for the 101", Certainty: rules.Possible,
			Fix: advice("keep the client's bytes until the head of the response is there, and open a tunnel only after a 101; until then interlock serve --guard unsafe in front holds them back")},
	},
})

var _ = register(Kind{
	ID: "proxy-loses-identity", Family: Proxies, Stages: Any,
	Title: "A client removes the proxy's own headers by listing them in Connection",
	Why: `The proxy adds headers that say who the client is, and then removes what the client's Connection
lists, among them its own. The server takes the request for one without a proxy, or without a
login.`,
	Refs: proxyRefs(), Rules: []string{"UPGRADE-HOP-IDENTITY-LOST"}, See: broken("UPGRADE-HOP-IDENTITY-LOST"),
	Causes: []Cause{
		{Text: "Traefik applies the client's Connection to the headers that it has added (CVE-2024-45410)", Certainty: rules.Likely, Mark: between("Traefik"),
			Fix: []Remedy{{"Traefik", "upgrade to 2.11.9, 3.1.3 or later"}}},
		{Text: "Fabio applies the client's Connection to the headers that it has added (CVE-2025-48865)", Certainty: rules.Likely, Mark: between("Fabio"),
			Fix: []Remedy{{"Fabio", "upgrade to 1.6.6 or later"}}},
		{Text: "The proxy applies the client's Connection after it has added its headers", Certainty: rules.Possible,
			Fix: advice("remove what Connection lists first, and add headers afterwards")},
	},
})

var _ = register(Kind{
	ID: "proxy-reuses-connection", Family: Proxies, Stages: Any,
	Title: "A proxy uses a connection to the server again that is not clean",
	Why: `After a rejected offer something is left on the connection: a second response, the rest of a body,
or a tunnel. The next request on it, of another client, meets that.`,
	Refs: []rules.Ref{
		{RFC: "9112", Section: "9.2", Text: "a response without a request is not valid for the next one"},
		{RFC: "9112", Section: "9.3", Text: "a connection is used again only after the whole body of a request was sent"},
	},
	Rules: reuseRules(), See: broken(reuseRules()...),
	Causes: append([]Cause{
		{Text: "nghttpx forwards the body of an upgrade request without its end (CVE-2026-58055)", Certainty: rules.Likely, Mark: until("nghttpx", "1.70"),
			Fix: []Remedy{{"nghttpx", "upgrade to a release after 1.69.0"}}},
	}, byProduct("%s puts a connection back that it must close", []Remedy{
		{"nginx", `leave keepalive out of the upstream of WebSocket endpoints`},
		{"HAProxy", `http-reuse never in the backend of WebSocket endpoints`},
		{"Apache", `ProxyPass ... disablereuse=On`},
		{"", `do not share connections to the server on which an upgrade was offered`},
	})...),
})

// reuseRules are the rules about connections that are used again.
func reuseRules() []string {
	return []string{"UPGRADE-HOP-REUSE-RESPONSE", "UPGRADE-HOP-REUSE-BODY", "UPGRADE-HOP-REUSE-TUNNEL"}
}

// usualAnd are the remedies for the products that most people use, and for any.
func usualAnd(all []Remedy) []Remedy {
	return append(usual(all), only(all, "")...)
}
