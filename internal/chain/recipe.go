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
	text string // with {sink}, {host} and {port} in it
}

// Recipes returns the recipes, sorted by name.
func Recipes() []Recipe {
	return []Recipe{
		{"apache", "httpd.conf, with mod_proxy and mod_proxy_http of 2.4.47 or later", `Listen 127.0.0.1:8080
ProxyPass / http://{sink}/ upgrade=websocket
ProxyPassReverse / http://{sink}/
`},
		{"caddy", "Caddyfile", `http://127.0.0.1:8080 {
	reverse_proxy {sink}
}
`},
		{"envoy", "envoy.yaml", `static_resources:
  listeners:
  - address: {socket_address: {address: 127.0.0.1, port_value: 8080}}
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
		{"haproxy", "haproxy.cfg", `defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server 60s
    timeout tunnel 1h
frontend chain
    bind 127.0.0.1:8080
    default_backend sink
backend sink
    server sink {sink}
`},
		{"nginx", "nginx.conf", `events {}
http {
    map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
    server {
        listen 127.0.0.1:8080;
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
		{"traefik", "a file of the file provider; the entry point web listens on 127.0.0.1:8080", `http:
  routers:
    chain: {entryPoints: [web], rule: "PathPrefix(` + "`/`" + `)", service: sink}
  services:
    sink: {loadBalancer: {servers: [{url: "http://{sink}"}]}}
`},
		{"varnish", "default.vcl; start varnishd with -a 127.0.0.1:8080", `vcl 4.1;
backend default { .host = "{host}"; .port = "{port}"; }
sub vcl_recv { if (req.http.upgrade ~ "(?i)websocket") { return (pipe); } return (pass); }
sub vcl_pipe { if (req.http.upgrade) { set bereq.http.upgrade = req.http.upgrade; set bereq.http.connection = req.http.connection; } }
`},
	}
}

// For returns the configuration for a sink at that address.
func (r *Recipe) For(sink string) string {
	host, port, _ := net.SplitHostPort(sink)
	return strings.NewReplacer("{sink}", sink, "{host}", host, "{port}", port).Replace(r.text)
}
