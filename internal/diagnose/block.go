package diagnose

import "strings"

// Block is a remedy as a block of configuration to copy: its lines without indentation of the whole,
// with comments that say where they belong. It is nil where the remedy, a line of a diagnosis, is no
// configuration of several lines.
func Block(remedy string) (product string, lines []string) {
	for _, b := range blocks() {
		if b.remedy.String() == remedy {
			return b.remedy.Product, strings.Split(b.lines, "\n")
		}
	}
	return "", nil
}

// A block is a remedy as lines.
type block struct {
	remedy Remedy
	lines  string
}

func blocks() (all []block) {
	for _, r := range websocketOnly() {
		if lines := websocketOnlyLines()[r.Product]; lines != "" {
			all = append(all, block{r, lines})
		}
	}
	for _, r := range forwardUpgrades() {
		if lines := forwardUpgradesLines()[r.Product]; lines != "" {
			all = append(all, block{r, lines})
		}
	}
	return all
}

func websocketOnlyLines() map[string]string {
	return map[string]string{
		"nginx": `# in http { }
map "$server_protocol $http_upgrade $http_connection" $websocket {
    default "";
    "~*^HTTP/1\.1 websocket (.*, *)?upgrade *(,.*)?$" websocket;
}
map $websocket $websocket_connection {
    default "";
    websocket upgrade;
}
# in the location
proxy_set_header Upgrade $websocket;
proxy_set_header Connection $websocket_connection;
proxy_set_header HTTP2-Settings "";`,
		"HAProxy": `http-request del-header Upgrade if HTTP_1.0 or !{ req.hdr(upgrade) -i websocket } or !{ req.hdr(connection) -m sub -i upgrade }
http-request set-header Upgrade websocket if { req.hdr(upgrade) -m found }
http-request del-header Connection if !{ req.hdr(upgrade) -m found }
http-request del-header HTTP2-Settings`,
		"Apache": `ProxyPass "/chat" "http://backend:8080/chat" upgrade=websocket
# beside it, with mod_headers, and no other RequestHeader for Connection or Upgrade
RequestHeader unset Upgrade "expr=%{SERVER_PROTOCOL} == 'HTTP/1.0' || ! (%{HTTP:Connection} =~ /upgrade/i) || ! (%{HTTP:Upgrade} =~ /^websocket$/i)"`,
		"Varnish": `# in vcl_recv, and no other return (pipe)
if (req.http.Upgrade ~ "(?i)^websocket$" && req.http.Connection ~ "(?i)upgrade") {
    return (pipe);
}
unset req.http.Upgrade;
# in vcl_pipe
set bereq.http.Upgrade = "websocket";
set bereq.http.Connection = "upgrade";`,
		"Squid": `http_upgrade_request_protocols WebSocket allow all
http_upgrade_request_protocols OTHER deny all`,
	}
}

func forwardUpgradesLines() map[string]string {
	return map[string]string{
		"nginx": `# in the location
proxy_http_version 1.1;
proxy_set_header Upgrade $http_upgrade;
proxy_set_header Connection $connection_upgrade;
# in http { }
map $http_upgrade $connection_upgrade {
    default upgrade;
    '' close;
}`,
		"Varnish": `# in vcl_recv
if (req.http.Upgrade ~ "(?i)websocket") {
    return (pipe);
}
# in vcl_pipe
set bereq.http.Upgrade = req.http.Upgrade;
set bereq.http.Connection = req.http.Connection;`,
	}
}
