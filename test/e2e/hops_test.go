//go:build e2e

package e2e

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	gorilla "github.com/gorilla/websocket"
)

// TestWhatNginxRemovesIsNamed checks that two Interlocks around an nginx without the lines for upgrades
// say what it removes, that nothing of it is left with the lines, and that nginx ended a tunnel.
func TestWhatNginxRemovesIsNamed(t *testing.T) {
	t.Parallel()
	backend := site(t, echoing)
	for _, test := range []struct {
		name, location, more string
		status               int
		want                 []string
	}{
		{
			"without the lines", "location / { proxy_pass http://%s; %s }", "", 1,
			[]string{"The hop changes what an upgrade needs: ", "changes the version from HTTP/1.1 to HTTP/1.0", `removes Upgrade: "websocket"`, `rewrites Connection from "Upgrade" to "close"`,
				"1 exchange on both sides (1 by key)", "stripped-upgrade", "proxy_set_header Upgrade $http_upgrade"},
		},
		{"with a short timeout", recipe, "proxy_read_timeout 1s;", 0, []string{"The hop changes nothing that an upgrade needs. It ends the tunnel after ", "proxy_read_timeout"}},
		{"with the lines", recipe, "", 0, []string{"The hop changes nothing that an upgrade needs", "1 exchange on both sides (1 by key)"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			near, far := filepath.Join(t.TempDir(), "edge.db"), filepath.Join(t.TempDir(), "inner.db")
			inner := serve(t, backend, "--hop", "inner", "--store", far)
			edge := serve(t, nginx(t, "", fmt.Sprintf(test.location, inner.listen, test.more)), "--hop", "edge", "--store", near)
			conn, _, err := gorilla.DefaultDialer.Dial("ws://"+edge.listen+"/chat", nil)
			if (err == nil) != (test.status == 0) {
				t.Fatalf("the client got %v", err)
			}
			if test.more != "" {
				if _, _, err := conn.ReadMessage(); err == nil {
					t.Error("the tunnel goes on")
				}
			}
			if err == nil {
				conn.Close()
			}
			edge.exchange(t, "/chat")
			inner.exchange(t, "/chat")
			if test.status == 0 {
				edge.message(t, "tunnel closed")
				inner.message(t, "tunnel closed")
			}
			edge.stop()
			inner.stop()
			got := run(t, "interlock", "hops", near, far)
			if got.status != test.status {
				t.Errorf("status %d, want %d: %s", got.status, test.status, got.stderr)
			}
			for _, want := range test.want {
				if !strings.Contains(got.stdout, want) {
					t.Errorf("got\n%s\nwant %q in it", got.stdout, want)
				}
			}
		})
	}
}
