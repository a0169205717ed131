package lab

import "net/http"

// soundBackends are the backends on the libraries that people use.
func soundBackends() []Backend {
	return []Backend{
		{
			Name: "gorilla", About: "WebSocket on gorilla/websocket, with the checks that it lacks",
			Sound: true, Paths: []string{"/chat", "/echo"}, site: webSocketSite(checked(serveGorilla)),
		}, {
			Name: "coder", About: "WebSocket on coder/websocket, with the checks that it lacks",
			Sound: true, Paths: []string{"/chat", "/echo"}, site: webSocketSite(checked(serveCoder)),
		}, {
			Name: "gobwas", About: "WebSocket on gobwas/ws behind net/http, with the checks that it lacks",
			Sound: true, Paths: []string{"/chat", "/echo"}, site: webSocketSite(checked(serveGobwas)),
		}, {
			Name: "h2c", About: "HTTP/2 over cleartext on golang.org/x/net/http2/h2c, at any path",
			Sound: true, Paths: []string{"/", "/api/items"}, site: h2cSite(),
		},
	}
}

// uncheckedBackends are the same libraries without additional checks.
func uncheckedBackends() []Backend {
	webSocket := func(name string, endpoint http.HandlerFunc) Backend {
		return Backend{
			Name: name + "-unchecked", About: "WebSocket on " + name + "'s library, without the checks that it lacks",
			Paths: []string{"/chat", "/echo"}, site: webSocketSite(endpoint),
		}
	}
	return []Backend{
		webSocket("gorilla", serveGorilla), webSocket("coder", serveCoder), webSocket("gobwas", serveGobwas),
		{
			Name: "h2c-unchecked", About: "HTTP/2 over cleartext on golang.org/x/net/http2/h2c, without the checks that it lacks",
			Paths: []string{"/", "/api/items"}, site: h2cUnchecked(),
		},
	}
}

// soundComposite serves every correct backend under its name, gorilla at the usual paths and h2c
// elsewhere.
func soundComposite() Backend {
	mux := http.NewServeMux()
	mux.Handle("/", h2cSite())
	mux.Handle("/chat", checked(serveGorilla))
	mux.Handle("/echo", checked(serveGorilla))
	mux.Handle("/gorilla", checked(serveGorilla))
	mux.Handle("/coder", checked(serveCoder))
	mux.Handle("/gobwas", checked(serveGobwas))
	return Backend{
		Name: "sound", About: "gorilla, coder and gobwas under their names, gorilla at /chat and /echo, h2c elsewhere",
		Sound: true, Paths: []string{"/chat", "/echo", "/gorilla", "/coder", "/gobwas", "/"}, site: mux,
	}
}

// webSocketSite has a WebSocket endpoint at the usual paths.
func webSocketSite(endpoint http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/", servePage)
	mux.Handle("/chat", endpoint)
	mux.Handle("/echo", endpoint)
	return mux
}

// checked passes only valid handshakes and frames to the endpoint, with list headers in their plainest form.
// Otherwise gorilla/websocket would stop at an empty element and at a protocol with a version, and
// gobwas/ws would read only one line of a header and one element of Upgrade.
func checked(endpoint http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if no := refuse(r, 0); no != nil {
			no.write(w, r)
			return
		}
		r.Header["Upgrade"], r.Header["Connection"] = []string{"websocket"}, []string{"Upgrade"}
		endpoint(&strictWriter{ResponseWriter: w}, r)
	})
}
