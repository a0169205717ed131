// Package interlocktest tests WebSocket servers and clients from Go tests, by the rules of Interlock.
//
// # Servers
//
// [Probe] sends handshakes to a server, each valid except for one defect, and judges every answer by
// the RFCs. Each probe is a subtest with the probe's ID as its name:
//
//	func TestChatUpgrades(t *testing.T) {
//		interlocktest.Probe(t, newChatHandler(), interlocktest.Endpoint("/ws"))
//	}
//
// go test -run 'TestChatUpgrades/UPGRADE-POST' sends only that probe and the valid handshakes that
// must be accepted around it: a server that accepts nothing rejects every malformed handshake, too. A
// failure says what is wrong, shows the bytes, and names the fix and the RFC section.
//
// # Clients
//
// [Audit] wraps the transport or the dialer of a client, and fails the test if the client breaks a
// rule in its handshakes or in its frames:
//
//	audit := interlocktest.Audit(t, nil)
//	conn, _, err := websocket.Dial(ctx, url, &websocket.DialOptions{HTTPClient: audit.Client()})
//
// # What is left out
//
// Probe sends no probe that is known to crash servers, and none that measures how long a server takes.
// The command interlock probe sends those, too.
//
// The package reads and writes no files and needs no running Interlock. Nothing that it starts is running
// when Probe returns.
package interlocktest
