package why

import (
	"fmt"
	"strings"

	"github.com/interlock-proxy/interlock/internal/diagnose"
	"github.com/interlock-proxy/interlock/rules"
)

// certain is a diagnosis that the walk has shown. Each line of fix is what to change in one product.
func certain(id, text, cause string, fix ...string) rules.Diagnosis {
	return rules.Diagnosis{ID: "walk-" + id, Text: text, Certainty: rules.Certain, Cause: cause, Fix: strings.Join(fix, "\n")}
}

// likely is a diagnosis that something points to.
func likely(id, text, cause, basis string, fix ...string) rules.Diagnosis {
	d := certain(id, text, cause, fix...)
	d.Certainty, d.Basis = rules.Likely, basis
	return d
}

func rejectedOrigin(bad *attempt, own string) rules.Diagnosis {
	value, _ := bad.value("Origin")
	text := fmt.Sprintf("The server rejects the handshake because of its Origin %s: it answers %s, and %s without Origin", rules.Quote(value), bad.short(), bad.success())
	cause := "The server compares Origin with a list or with Host. The origin is not in the list, or a proxy in front of the server has changed Host"
	if value != own {
		cause = "The server compares Origin with a list or with Host, and this is the origin of another site"
	}
	return certain("origin", text, cause,
		"server: add "+value+" to the allowed origins",
		"nginx: proxy_set_header Host $http_host; (if the server compares Origin with Host; $host for HTTP/3)",
		`Socket.IO: new Server({ cors: { origin: ["`+value+`"] } })`,
		`Rails: config.action_cable.allowed_request_origins = ["`+value+`"]`,
		"Django Channels: ALLOWED_HOSTS, which AllowedHostsOriginValidator reads",
		"gorilla/websocket: Upgrader.CheckOrigin",
		`coder/websocket: AcceptOptions{OriginPatterns: []string{"`+hostOf(value)+`"}}`,
		`Spring: registry.addHandler(...).setAllowedOrigins("`+value+`")`)
}

// hostOf is the host of an origin.
func hostOf(origin string) string {
	_, host, _ := strings.Cut(origin, "://")
	return host
}

func rejectedList(bad *attempt) rules.Diagnosis {
	value, _ := bad.value("Connection")
	return certain("connection-list",
		fmt.Sprintf("The handshake fails with Connection: %s, as Firefox sends it (%s), and works with Connection: Upgrade", value, bad.short()),
		`The server or a proxy compares the whole value of Connection with "upgrade", but the value is a list (RFC 9110, section 7.6.1)`,
		"nginx: set Connection by $http_upgrade, not by $http_connection: map $http_upgrade $connection_upgrade { default upgrade; '' close; }",
		"Apache: RewriteCond %{HTTP:Connection} upgrade [NC], without ^ and $",
		"HAProxy: acl is_websocket hdr(Connection) -m sub -i upgrade",
		"Node.js: split req.headers.connection at commas, and compare each part in lower case")
}

func rejectedHeader(bad *attempt, names string, present bool) rules.Diagnosis {
	text := fmt.Sprintf("%s's handshake fails because of %s: it gets %s, and %s without", bad.what, names, bad.short(), bad.success())
	if !present {
		text = fmt.Sprintf("%s's handshake fails without %s: it gets %s, and %s with it", bad.what, names, bad.short(), bad.success())
	}
	return certain("header", text, "The server or something in front of it, such as a firewall, decides by "+names,
		"server or proxy: remove the rule about "+names+" for this path, or let it accept the handshakes of browsers")
}

func givenHeader(bad *attempt, name string) rules.Diagnosis {
	return certain("given-header", fmt.Sprintf("The handshake fails because of the %s header that you gave: it gets %s, and %s without it", name, bad.short(), bad.success()),
		"The server rejects the value of "+name, "client: leave "+name+" out, or send a value that is valid", "server: accept the value, or accept the handshake without "+name)
}

func otherHost(bad *attempt, was, is string) rules.Diagnosis {
	return certain("host", fmt.Sprintf("The Host header decides: with %s the answer is %s, with %s it is %s", rules.Quote(was), bad.short(), rules.Quote(is), bad.success()),
		"The server chooses the site by Host, or compares Host or Origin with the names that it knows",
		"client: connect to the name that the server knows",
		"nginx: server_name "+was+"; in the server block of the WebSocket, or proxy_set_header Host $http_host;",
		"server: add "+was+" to the hosts that it knows")
}

func needsSubprotocol(bad, good *attempt) rules.Diagnosis {
	chosen := "one of them"
	for v := range good.x.Response.Values("Sec-WebSocket-Protocol") {
		chosen = rules.Quote(string(good.x.Response.Text(v)))
	}
	return certain("subprotocol", fmt.Sprintf("The server requires a subprotocol: without one it answers %s, and it chose %s of those that were offered", bad.short(), chosen),
		"The client offers no subprotocol", "client: new WebSocket(url, ["+chosen+"])", "server: accept handshakes without Sec-WebSocket-Protocol")
}

func elsewhere(t *Target, bad *attempt, path string) rules.Diagnosis {
	text := fmt.Sprintf("%s has no WebSocket (%s), and %s has one: the same handshake gets %s there", t.Shown, bad.short(), path, bad.success())
	shown := withoutQuery(t.Shown)
	fix := []string{
		"client: connect to " + t.URL(path),
		"ws: new WebSocketServer({ server, path: \"" + shown + "\" })",
	}
	if shown != "/" { // every path of the site is below it
		fix = append(fix, "nginx: location "+shown+" { proxy_pass http://backend"+path+"; ... }", "Caddy: reverse_proxy "+shown+"* backend:8080")
	}
	fix = append(fix, "server: serve the WebSocket at "+t.Shown)
	if strings.HasPrefix(path, "/socket.io/") {
		text += ". It is a Socket.IO server"
		fix = []string{
			"client: const socket = io(\"" + t.URL("") + "\"), with socket.io-client; new WebSocket() does not speak its protocol",
			"Socket.IO: the path option must be the same on both sides; the default is /socket.io/",
		}
	}
	return certain("path", text, "The path of the client is not the one of the server, or a proxy in between has changed it", fix...)
}

// withoutQuery is a path without its query.
func withoutQuery(path string) string {
	path, _, _ = strings.Cut(path, "?")
	return path
}

func changing(bad, again *attempt) rules.Diagnosis {
	return certain("changing", fmt.Sprintf("The same handshake gets different answers: %s and then %s", bad.short(), again.short()),
		"There are several servers behind this address, and not all of them accept the handshake; the URL or a token in it is good only once; or the server limits the rate",
		"server: compare the versions and the configuration of all instances that the balancer forwards to",
		"nginx: upstream { ... } must hold only servers that speak WebSocket at this path",
		"client: get a fresh ticket or token for each connection, also when it connects again")
}

func affinity(a *attempt) rules.Diagnosis {
	return certain("affinity", fmt.Sprintf("A session that one request has opened is not known in the next one: the handshake in the session gets %s, without a session it gets 101", a.short()),
		"Several workers or servers share the address, and the balancer does not send the requests of a session to the same one",
		"nginx: upstream backend { ip_hash; server ...; server ...; }",
		"HAProxy: balance source, or cookie io prefix indirect nocache",
		"Node.js cluster: setupMaster(httpServer, { loadBalancingMethod: \"sticky\" }) of @socket.io/sticky",
		"Traefik: loadBalancer.sticky.cookie: {}",
		"Kubernetes: sessionAffinity: ClientIP, or nginx.ingress.kubernetes.io/affinity: cookie",
		`Socket.IO client: io(url, { transports: ["websocket"] }), which needs no session`)
}

// lostOffer explains a handshake that is answered like a plain GET. Proxy is what shows that there is
// a proxy in between.
func lostOffer(bad *attempt, proxy string) rules.Diagnosis {
	d := likely("lost-offer", fmt.Sprintf("A handshake gets the same answer as a plain GET: %s", bad.short()),
		"A proxy in front of the server removes the offer, or forwards it as HTTP/1.0", proxy+", and the answers are the same")
	d.Fix = diagnose.ForwardUpgrades()
	return d
}

// nothingHere explains a path at which there is nothing at all.
func nothingHere(t *Target, bad *attempt) rules.Diagnosis {
	d := likely("no-path", "There is nothing at "+t.Shown+": a plain GET and a handshake get 404", "The path of the client is not one of this server", "404 for both",
		"client: connect to the path at which the server has its WebSocket", "server: serve the WebSocket at "+t.Shown)
	if len(bad.diagnoses) > 0 {
		d.Fix += "\n" + bad.diagnoses[0].Fix
	}
	return d
}

// deadBackend explains a gateway that has no answer for anything.
func deadBackend(page, bad *attempt) rules.Diagnosis {
	return likely("backend", fmt.Sprintf("A plain GET gets %s, and a handshake gets %s", page.short(), bad.short()),
		"A proxy answers, and cannot reach the server behind it", "the answer to a plain GET",
		"server: start it, and look with ss -ltnp whether it listens at the address that the proxy has",
		"nginx: proxy_pass http://127.0.0.1:8080; with the address of the server",
		"http-proxy: createProxyServer({ target: \"http://127.0.0.1:8080\", ws: true })",
		"Docker: proxies reach a server by the name of its service, not by localhost")
}

// closedAtOnce explains a handshake that was accepted and whose tunnel was closed at once.
func closedAtOnce(a *attempt) (rules.Diagnosis, bool) {
	if a.x == nil || !rules.Accepted(a.x) {
		return rules.Diagnosis{}, false
	}
	f := framesOf(a.x)
	text := "The server accepts the handshake, " + a.tunnel()
	switch {
	case f.closed && (f.code == 1008 || f.code >= 3000):
		return likely("closed", text, "The application rejects the client after the handshake: often credentials are missing or wrong", "close code "+f.ending(),
			"client: send the Cookie, the token or the subprotocol that the application requires (interlock why -H 'Name: value')",
			"server: the log of the application at that time says more"), true
	case f.closed && f.code == 1011:
		return likely("closed", text, "The application failed", "close code "+f.ending(), "server: the log of the application at that time says more"), true
	case f.broken(a.x):
		d := likely("closed", text, "The application, or a proxy that lost its backend, ended the connection", "", "server: the log of the application at that time says more")
		d.Certainty = rules.Possible
		return d, true
	}
	return rules.Diagnosis{}, false
}
