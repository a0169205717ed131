package diagnose

import "github.com/interlock-proxy/interlock/rules"

var _ = register(Kind{
	ID: "stripped-spdy", Family: Stripped, Stages: Answered | Unanswered,
	Title: "A request of kubectl reached the server without its Upgrade header",
	Why: `kubectl exec, attach, cp and port-forward upgrade to SPDY/3.1 or to WebSocket and name
their protocol in X-Stream-Protocol-Version or Sec-WebSocket-Protocol. A proxy that forwards no
upgrades, or only those to WebSocket, removes Upgrade; the API server or the kubelet then answers
"unable to upgrade: missing upgrade headers in request".`,
	Refs:   []rules.Ref{{RFC: "9110", Section: "7.8", Text: "Upgrade is for one hop, and a proxy forwards it only if it is made to"}},
	Rules:  []string{"UPGRADE-CONN-DANGLING", "UPGRADE-CONN-CLOSE"},
	Covers: []string{"connection-without-upgrade"},
	See: func(v *View) string {
		if v.Request.Has("Upgrade") || !v.Request.Has("X-Stream-Protocol-Version") || !v.Whole() || !v.rejected() {
			return ""
		}
		return "The request has " + v.sent("X-Stream-Protocol-Version") + " and no Upgrade header: kubectl sends Upgrade: SPDY/3.1"
	},
	Causes: lost("kubectl", []Remedy{
		{"nginx", `proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade"; in the location of the API server`},
		{"HAProxy", "mode tcp for the API server"},
		{"Envoy", "upgrade_configs: [{upgrade_type: spdy/3.1}, {upgrade_type: websocket}]"},
		{"AWS ALB", "it forwards WebSocket only: use a Network Load Balancer, or kubectl 1.31 or later, which uses WebSocket"},
	}),
})

var _ = register(Kind{
	ID: "stripped-tailscale", Family: Stripped, Stages: Answered | Unanswered,
	Title: "A request of Tailscale reached the control server without its Upgrade header",
	Why: `Tailscale clients talk to their control server, such as Headscale, over POST /ts2021 with
Upgrade: tailscale-control-protocol and their first message in X-Tailscale-Handshake. Proxies and
CDNs that know only upgrades to WebSocket remove Upgrade, and the client cannot log in.`,
	Refs:   []rules.Ref{{RFC: "9110", Section: "7.8", Text: "Upgrade is for one hop, and a proxy forwards it only if it is made to"}},
	Rules:  []string{"UPGRADE-CONN-DANGLING"},
	Covers: []string{"connection-without-upgrade"},
	See: func(v *View) string {
		if v.Request.Has("Upgrade") || !v.Request.Has("X-Tailscale-Handshake") || !v.Whole() || !v.rejected() {
			return ""
		}
		return "The request has X-Tailscale-Handshake and no Upgrade header: the client sends Upgrade: tailscale-control-protocol"
	},
	Causes: append([]Cause{
		{Text: "Cloudflare in front of Interlock removed Upgrade: it does not forward an upgrade with POST", Certainty: rules.Likely, Mark: before("Cloudflare"),
			Fix: advice("turn the proxy off for this host name (DNS only)")},
	}, lost("Tailscale", []Remedy{
		{"nginx", `proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade; proxy_buffering off;`},
		{"Apache", `ProxyPass / http://headscale:8080/ upgrade=any`},
		{"Envoy", "upgrade_configs: [{upgrade_type: tailscale-control-protocol}]"},
		{"Caddy", "reverse_proxy forwards it by itself"},
	})...),
})

var _ = register(Kind{
	ID: "stripped-rdg", Family: Stripped, Stages: Answered | Unanswered,
	Title: "A Remote Desktop Gateway request reached the server without its Upgrade header",
	Why: `Remote Desktop clients send RDG_OUT_DATA with RDG-Connection-Id and, for the WebSocket
transport, the headers of a WebSocket handshake. Where a proxy removes Upgrade, clients try the
older transport over two HTTP connections, which most reverse proxies break as well.`,
	Refs:   []rules.Ref{{RFC: "9110", Section: "7.8", Text: "Upgrade is for one hop, and a proxy forwards it only if it is made to"}},
	Rules:  []string{"UPGRADE-CONN-DANGLING", "UPGRADE-WS-KEY-STRAY"},
	Covers: []string{"connection-without-upgrade"},
	See: func(v *View) string {
		q := v.Request
		if q.Has("Upgrade") || !q.Has("RDG-Connection-Id") || !v.Whole() || !v.rejected() || !q.Has("Sec-WebSocket-Key") && !q.HasOption("upgrade") {
			return ""
		}
		return "The request has RDG-Connection-Id and the headers of a WebSocket handshake, but no Upgrade header"
	},
	Causes: lost("the Remote Desktop client", []Remedy{
		{"nginx", `proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade; in the location /remoteDesktopGateway/`},
		{"HAProxy", "mode tcp for the gateway; HAProxy rejects WebSocket handshakes that are not GET"},
		{"", "pass TLS through to the gateway"},
	}),
})

// lost are the causes of a request of a client whose offer was removed.
func lost(client string, fix []Remedy) []Cause {
	return []Cause{
		{Text: "The proxy in front of Interlock removed it", Certainty: rules.Likely, Mark: beforeAny, Fix: fix},
		{Text: "A proxy between " + client + " and Interlock removed it", Certainty: rules.Possible, Fix: fix},
	}
}
