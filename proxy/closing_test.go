package proxy

import (
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/wire"
)

// TestTunnelEndsAreTold holds what is known of the end of a tunnel: what each side sent last,
// whether or not the first bytes are still recorded, and how long no byte had come.
func TestTunnelEndsAreTold(t *testing.T) {
	const idle = 60 * time.Millisecond
	long := "\x82\x7e\x08\x00" + strings.Repeat("x", 2048)
	closing := "\x88\x06\x03\xf0gone"
	for _, test := range []struct {
		name, client, server string
		end                  func(client, backend *net.TCPConn)
		cause                wire.Cause
		want                 [2]wire.Word
	}{
		{"silent", "", "", func(_, backend *net.TCPConn) { backend.Close() }, wire.CauseServer,
			[2]wire.Word{{Kind: wire.WordNothing}, {Kind: wire.WordNothing}}},
		{"close in the record", "\x89\x80\x00\x00\x00\x00", closing, func(_, backend *net.TCPConn) { backend.Close() }, wire.CauseServer,
			[2]wire.Word{{Kind: wire.WordPing}, {Kind: wire.WordClose, Code: 1008, Reason: "gone"}}},
		{"close after the record", "", long + closing, func(_, backend *net.TCPConn) { backend.SetLinger(0); backend.Close() }, wire.CauseServerReset,
			[2]wire.Word{{Kind: wire.WordNothing}, {Kind: wire.WordClose, Code: 1008, Reason: "gone"}}},
		{"client after the record", "\x82\xfe\x08\x00\x00\x00\x00\x00" + strings.Repeat("x", 2048) + "\x88\x82\x00\x00\x00\x00\x03\xe8", "", func(client, _ *net.TCPConn) { client.Close() },
			wire.CauseClient, [2]wire.Word{{Kind: wire.WordClose, Code: 1000}, {Kind: wire.WordNothing}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			onBothDrivers(t, func(t *testing.T, driver func(*Relay)) {
				r := relay(t, driver)
				client, backend := r.switchedOver()
				for _, side := range []struct {
					from, to *net.TCPConn
					text     string
				}{{client, backend, test.client}, {backend, client, test.server}} {
					if side.text != "" {
						send(t, side.from, side.text)
						expect(t, side.to, side.text)
					}
				}
				time.Sleep(idle)
				other := backend
				if test.end(client, backend); test.cause != wire.CauseClient {
					other = client
				}
				io.Copy(io.Discard, other) // to the end, or to the reset
				client.Close()
				backend.Close()
				x := r.await("the end", func(f []*wire.Exchange) bool { return f[0].Final })[0]
				e := x.After.End
				if e == nil || x.Cause != test.cause || e.Client != test.want[0] || e.Server != test.want[1] {
					t.Fatalf("cause %q, end %+v", x.Cause, e)
				}
				if e.Idle < idle-time.Millisecond || e.Idle > e.Open+time.Millisecond {
					t.Errorf("idle for %v of %v, want at least %v", e.Idle, e.Open, idle)
				}
			})
		})
	}
}
