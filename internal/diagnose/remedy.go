package diagnose

import "slices"

// forwardUpgrades is how proxies are told to forward upgrades.
func forwardUpgrades() []Remedy {
	return []Remedy{
		{"nginx", `proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade; and, in http { }: map $http_upgrade $connection_upgrade { default upgrade; '' close; }`},
		{"Nginx Proxy Manager", `turn on Websockets Support in the proxy host`},
		{"ingress-nginx", `it forwards upgrades by itself: look for a configuration-snippet or a server-snippet that sets Connection or Upgrade`},
		{"Apache", `ProxyPass "/chat" "http://backend:8080/chat" upgrade=websocket (2.4.47 and later; before: mod_proxy_wstunnel and ws://)`},
		{"Envoy", `upgrade_configs: [{upgrade_type: websocket}] in the HttpConnectionManager or in the route; Contour: enableWebsockets: true`},
		{"HAProxy", `nothing to turn on in mode http: look for http-request del-header Upgrade, option httpclose and option forceclose`},
		{"Traefik", `it forwards upgrades by itself: look for a headers middleware that sets Connection or Upgrade`},
		{"Caddy", `reverse_proxy forwards upgrades by itself: look for header_up Connection and header_up -Upgrade`},
		{"Varnish", `in vcl_recv: if (req.http.Upgrade ~ "(?i)websocket") { return (pipe); } and in vcl_pipe: set bereq.http.Upgrade = req.http.Upgrade; set bereq.http.Connection = req.http.Connection;`},
		{"Squid", `http_upgrade_request_protocols WebSocket allow all (Squid 5 and later), or wss://, which Squid tunnels`},
		{"Cloudflare", `Network > WebSockets: On, for the zone`},
		{"CloudFront", `an origin request policy that forwards Sec-WebSocket-Key and Sec-WebSocket-Version, such as the managed policy AllViewer`},
		{"AWS ALB", `it forwards upgrades by itself; a Classic Load Balancer does so only with a TCP or SSL listener`},
		{"IIS", `install the feature WebSocket Protocol (Install-WindowsFeature Web-WebSockets) on the server that runs ARR`},
		{"Node http-proxy", `createProxyServer({ target, ws: true }) and server.on('upgrade', (req, socket, head) => proxy.ws(req, socket, head)); http-proxy-middleware and the dev server of Vite: ws: true`},
	}
}

// ForwardUpgrades is how the proxies that most people use are told to forward upgrades: a line for
// each product.
func ForwardUpgrades() string { return lines(usual(forwardUpgrades())) }

// only are the remedies for the products; all if there are none for them.
func only(all []Remedy, products ...string) []Remedy {
	var found []Remedy
	for _, r := range all {
		if slices.Contains(products, r.Product) {
			found = append(found, r)
		}
	}
	if found == nil {
		return all
	}
	return found
}

// usual are the remedies for the products that most people use.
func usual(all []Remedy) []Remedy { return only(all, "nginx", "Apache", "Envoy", "HAProxy") }

// advice is a remedy that does not depend on a product.
func advice(change string) []Remedy { return []Remedy{{"", change}} }

// passHost is how proxies are told to leave Host alone.
func passHost() []Remedy {
	return []Remedy{
		{"nginx", `proxy_set_header Host $host; where the port matters: $http_host, which may be empty for HTTP/3`},
		{"Apache", `ProxyPreserveHost On`},
		{"HAProxy", `look for http-request set-header Host`},
		{"Envoy", `look for host_rewrite_literal and auto_host_rewrite`},
		{"Node http-proxy", `changeOrigin: false`},
	}
}

// allowOrigin is how servers are told which origins may connect.
func allowOrigin() []Remedy {
	return []Remedy{
		{"npm ws", `compare req.headers.origin with the origins of your pages before handleUpgrade`},
		{"Socket.IO", `new Server(httpServer, { cors: { origin: "https://chat.example" }, allowRequest }); Python: cors_allowed_origins=["https://chat.example"]`},
		{"gorilla/websocket", `Upgrader{CheckOrigin: func(r *http.Request) bool { return r.Header.Get("Origin") == "https://chat.example" }}`},
		{"coder/websocket", `AcceptOptions{OriginPatterns: []string{"chat.example"}}`},
		{"Python websockets", `serve(..., origins=["https://chat.example"]); add None for clients without Origin`},
		{"Tornado", `def check_origin(self, origin): return urlparse(origin).netloc == "chat.example"`},
		{"Django Channels", `AllowedHostsOriginValidator(...) and ALLOWED_HOSTS = ["chat.example"]`},
		{"Spring", `registry.addHandler(handler, "/ws").setAllowedOrigins("https://chat.example")`},
		{"ASP.NET Core", `app.UseWebSockets(new WebSocketOptions { AllowedOrigins = { "https://chat.example" } })`},
		{"Phoenix", `check_origin: ["https://chat.example"] in the endpoint's configuration`},
		{"Rails", `config.action_cable.allowed_request_origins = ["https://chat.example"]`},
	}
}

// affinity is how load balancers are told to send all requests of a session to one server.
func affinity() []Remedy {
	return []Remedy{
		{"Socket.IO", `io(url, { transports: ["websocket"] }) in the client needs no affinity; in a Node.js cluster: @socket.io/sticky`},
		{"nginx", `upstream backend { hash $remote_addr consistent; ... } or ip_hash;`},
		{"ingress-nginx", `nginx.ingress.kubernetes.io/affinity: cookie`},
		{"HAProxy", `cookie io prefix indirect nocache in the backend, and cookie NAME on each server line`},
		{"Traefik", `traefik.http.services.NAME.loadbalancer.sticky.cookie=true`},
		{"AWS ALB", `stickiness.enabled=true on the target group`},
		{"Envoy", `hash_policy with a cookie in the route, and lb_policy: RING_HASH in the cluster`},
	}
}

// chooseSubprotocol is how servers are told which subprotocols they speak.
func chooseSubprotocol() []Remedy {
	return []Remedy{
		{"npm ws", `new WebSocketServer({ handleProtocols: (offered) => offered.has("mqtt") ? "mqtt" : false })`},
		{"gorilla/websocket", `Upgrader{Subprotocols: []string{"mqtt"}}`},
		{"coder/websocket", `AcceptOptions{Subprotocols: []string{"mqtt"}}`},
		{"Python websockets", `serve(..., subprotocols=["mqtt"])`},
		{"Starlette, FastAPI", `await websocket.accept(subprotocol="mqtt")`},
		{"Django Channels", `await self.accept(subprotocol="mqtt")`},
		{"Spring", `DefaultHandshakeHandler.setSupportedProtocols("mqtt")`},
		{"ASP.NET Core", `AcceptWebSocketAsync("mqtt")`},
		{"Netty", `new WebSocketServerProtocolHandler("/ws", "mqtt")`},
	}
}

// mount is where servers are told at which path they accept WebSocket.
func mount() []Remedy {
	return []Remedy{
		{"npm ws", `new WebSocketServer({ server, path: "/ws" }): the path must be the client's, without the query`},
		{"Socket.IO", `the client's path option must be the server's; the default is /socket.io/`},
		{"Express", `attach the WebSocket server to the http.Server that listens: const server = http.createServer(app); new WebSocketServer({ server }); server.listen(3000), not app.listen(3000)`},
		{"nginx", `a location for the path with proxy_pass and the upgrade headers, beside the one with try_files`},
		{"", `usual paths: /ws, /socket.io/?EIO=4&transport=websocket, /graphql, /cable, /hub`},
	}
}
