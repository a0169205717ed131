//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"testing"
	"time"

	gorilla "github.com/gorilla/websocket"
)

// streamModule is Debian's nginx module for proxying TCP.
const streamModule = "/usr/lib/nginx/modules/ngx_stream_module.so"

// TestNginxTellsWhoTheClientIs puts nginx in front, speaking the PROXY protocol. The log has the
// original client's address, and the backend receives nothing of the PROXY header.
func TestNginxTellsWhoTheClientIs(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat(streamModule); err != nil {
		t.Fatalf("%v: test/e2e/install installs it, or apt-get install libnginx-mod-stream", err)
	}
	cert, key := selfSigned(t)
	for name, secure := range map[string]bool{"cleartext": false, "TLS ended by Interlock": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config, scheme := "proxy_from: [127.0.0.1]\n", "ws"
			if secure {
				config, scheme = config+"tls: {certificates: [{cert: "+cert+", key: "+key+"}]}\n", "wss"
			}
			p := serve(t, labServer(t, "gorilla"), "--config", file(t, "interlock.yaml", []byte(config)))
			front := nginxWith(t, func(_, addr string) string {
				return fmt.Sprintf("load_module %s;\nstream { server { listen %s; proxy_pass %s; proxy_protocol on; } }\n", streamModule, addr, p.listen)
			})
			dialer := gorilla.Dialer{TLSClientConfig: trusting(t, cert, "chat.example")}
			conn, response, err := dialer.DialContext(t.Context(), scheme+"://"+front+"/echo", nil)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			defer conn.Close()
			conn.SetReadDeadline(time.Now().Add(patience))
			if err := conn.WriteMessage(gorilla.TextMessage, []byte("hello")); err != nil {
				t.Fatal(err)
			}
			if _, echo, err := conn.ReadMessage(); err != nil || string(echo) != "hello" {
				t.Errorf("got %q, %v", echo, err)
			}
			x := p.exchange(t, "/echo")
			if want := conn.LocalAddr().String(); x.Client != want || x.Outcome != "switched" || x.Verdict != "pass" || len(x.Altered) > 0 {
				t.Errorf("got %s, want client %s, from nginx's PROXY header", x.text, want)
			}
		})
	}
}
