package audit_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/internal/audit"
	"github.com/interlock-proxy/interlock/internal/capture"
	"github.com/interlock-proxy/interlock/rules"
)

// ntlm is a handshake that is refused for want of credentials and sent again on the same
// connection, with the same key.
const ntlm = "\n" +
	`> GET /ws HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: czrsPE7/lYvU9/F86UrEYQ==\r\nSec-WebSocket-Version: 13\r\n\r\n
< HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: NTLM\r\nContent-Length: 0\r\n\r\n
> GET /ws HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: czrsPE7/lYvU9/F86UrEYQ==\r\nSec-WebSocket-Version: 13\r\nAuthorization: NTLM TlRM\r\n\r\n
< HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: jXTh3XNFlN44mE1S2XPwMgiDa5c=\r\n\r\n
`

// TestKeyMayComeAgainOnItsConnection: within one transcript, which is one connection, a key may
// come again; in the next one it must not.
func TestKeyMayComeAgainOnItsConnection(t *testing.T) {
	reused := 0
	a := &audit.Audit{Each: func(r *rules.Ruling) {
		if r.Find("UPGRADE-WS-KEY-REUSED") != nil {
			reused++
		}
	}}
	for file, want := range []int{0, 2} {
		reused = 0
		if _, err := (&capture.Reader{Observe: a.Observe}).Read(strings.NewReader(fmt.Sprintf("note: file %d\n", file) + ntlm)); err != nil {
			t.Fatal(err)
		}
		if reused != want {
			t.Errorf("got %d keys that were used before, want %d", reused, want)
		}
	}
}
