package run

import (
	"bytes"
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/internal/diagnose"
	"github.com/interlock-proxy/interlock/internal/terminal"
)

// TestConfigurationCanBeCopied holds that the configuration of a remedy is a block of whole lines, how
// narrow the terminal may be, and that other remedies are sentences.
func TestConfigurationCanBeCopied(t *testing.T) {
	fix := ""
	for _, c := range diagnose.Find("proxy-adds-upgrade").Causes {
		for _, r := range c.Fix {
			if r.Product == "nginx" || r.Product == "Envoy" {
				fix += r.String() + "\n"
			}
		}
	}
	var b bytes.Buffer
	(&probeText{marks: &terminal.Console{ASCII: true}, columns: 60}).fixes(&b, fix)
	const block = `
     fix: nginx:

          # in http { }
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
          proxy_set_header HTTP2-Settings "";

     fix: `
	if got := "\n" + b.String(); !strings.Contains(got, block) || !strings.Contains(got, "     fix: Envoy: upgrade_configs: ") {
		t.Errorf("got%s", got)
	}
}
