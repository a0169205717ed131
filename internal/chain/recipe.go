package chain

import (
	"net"
	"strings"
)

// A Recipe is a minimal configuration with which a proxy forwards everything to the sink, upgrades
// included.
type Recipe struct {
	Name string // of the product, as --recipe takes it
	File string // what the text is
	text string // with {listen}, {sink} and the parts of both in it
}

// Recipes returns the recipes, sorted by name.
func Recipes() []Recipe {
	return []Recipe{
		{"apache", "httpd.conf, with mod_proxy and mod_proxy_http of 2.4.47 or later", `Listen {listen}
ProxyPass / http://{sink}/ upgrade=websocket
ProxyPassReverse / http://{sink}/
`},
		{"ats", "remap.config of Apache Traffic Server; records.config has CONFIG proxy.config.http.server_ports STRING {listen-port}", `map http://{listen}/ http://{sink}/
map ws://{listen}/ ws://{sink}/
`},
		{"caddy", "Caddyfile", `http://:{listen-port} {
	bind {listen-host}
	reverse_proxy {sink}
}
`},
		{"envoy", "envoy.yaml", `static_resources:
  listeners:
  - address: {socket_address: {address: {listen-host}, port_value: {listen-port}}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: chain
          upgrade_configs: [{upgrade_type: websocket}]
          route_config:
            virtual_hosts:
            - {name: all, domains: ["*"], routes: [{match: {prefix: /}, route: {cluster: sink}}]}
          http_filters:
          - name: envoy.filters.http.router
            typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}
  clusters:
  - name: sink
    type: STATIC
    load_assignment:
      cluster_name: sink
      endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: {host}, port_value: {port}}}}}]}]
`},
		{"go", "main.go, a httputil.ReverseProxy", `package main

import (
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
)

func main() {
	sink := &url.URL{Scheme: "http", Host: "{sink}"}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(sink)
		r.SetXForwarded()
	}}
	log.Fatal(http.ListenAndServe("{listen}", proxy))
}
`},
		{"goproxy", "main.go, with github.com/elazarl/goproxy", `package main

import (
	"log"
	"net/http"

	"github.com/elazarl/goproxy"
)

func main() {
	proxy := goproxy.NewProxyHttpServer()
	proxy.NonproxyHandler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.URL.Scheme, r.URL.Host = "http", "{sink}"
		proxy.ServeHTTP(w, r)
	})
	log.Fatal(http.ListenAndServe("{listen}", proxy))
}
`},
		{"h2o", "h2o.conf of h2o 2.2 or later", `listen: {host: {listen-host}, port: {listen-port}}
hosts:
  "*":
    paths:
      "/":
        proxy.reverse.url: "http://{sink}/"
        proxy.websocket: ON
`},
		{"haproxy", "haproxy.cfg", `defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server 60s
    timeout tunnel 1h
frontend chain
    bind {listen}
    default_backend sink
backend sink
    server sink {sink}
`},
		{"http-proxy", "proxy.cjs for node, with the package http-proxy of npm", `const http = require('http')
const proxy = require('http-proxy').createProxyServer({ target: 'http://{sink}', ws: true })
proxy.on('error', (err, req, res) => res.destroy())
const server = http.createServer((req, res) => proxy.web(req, res))
server.on('upgrade', (req, socket, head) => proxy.ws(req, socket, head))
server.listen({listen-port}, '{listen-host}')
`},
		{"lighttpd", "lighttpd.conf of lighttpd 1.4.46 or later", `server.modules = ( "mod_proxy" )
server.document-root = "/tmp"
server.bind = "{listen-host}"
server.port = {listen-port}
proxy.server = ( "" => ( ( "host" => "{host}", "port" => {port} ) ) )
proxy.header = ( "upgrade" => "enable" )
`},
		{"mitmproxy", "a shell script", `exec mitmdump --mode reverse:http://{sink} --listen-host {listen-host} --listen-port {listen-port}
`},
		{"nghttpx", "nghttpx.conf; start nghttpx --conf=nghttpx.conf", `frontend={listen-host},{listen-port};no-tls
backend={host},{port}
`},
		{"nginx", "nginx.conf", `events {}
http {
    map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
    server {
        listen {listen};
        location / {
            proxy_pass http://{sink};
            proxy_http_version 1.1;
            proxy_set_header Host $host;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $connection_upgrade;
        }
    }
}
`},
		{"squid", "squid.conf of Squid 5 or later; start squid -N -f squid.conf", `http_port {listen} accel defaultsite=localhost no-vhost
cache_peer {host} parent {port} 0 no-query originserver login=PASSTHRU name=sink
http_access allow all
never_direct allow all
cache deny all
http_upgrade_request_protocols websocket allow all
`},
		{"traefik", "a file of the file provider; the entry point web listens on {listen}", `http:
  routers:
    chain: {entryPoints: [web], rule: "PathPrefix(` + "`/`" + `)", service: sink}
  services:
    sink: {loadBalancer: {servers: [{url: "http://{sink}"}]}}
`},
		{"varnish", "default.vcl; start varnishd with -a {listen}", `vcl 4.1;
backend default { .host = "{host}"; .port = "{port}"; }
sub vcl_recv { if (req.http.upgrade ~ "(?i)websocket") { return (pipe); } return (pass); }
sub vcl_pipe { if (req.http.upgrade) { set bereq.http.upgrade = req.http.upgrade; set bereq.http.connection = req.http.connection; } }
`},
	}
}

// For returns the configuration of a proxy that listens on one address, for a sink at another one. Its
// first line is a comment that says what it is and, if then is not empty, that.
func (r *Recipe) For(listen, sink, then string) string {
	host, port, _ := net.SplitHostPort(sink)
	own, at, _ := net.SplitHostPort(listen)
	comment := "# "
	if strings.HasPrefix(r.text, "package ") || strings.HasPrefix(r.text, "const ") {
		comment = "// "
	}
	if then != "" {
		then = " " + then
	}
	text := strings.NewReplacer("{listen}", listen, "{listen-host}", own, "{listen-port}", at, "{sink}", sink, "{host}", host, "{port}", port).Replace(r.File + "." + then + "\n" + r.text)
	return comment + text
}
