package capture

import (
	"slices"
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/wire"
)

// TestNoEndIsClaimedThatWasNotSeen ends a capture after a request, in every way that the connection
// may stand then.
func TestNoEndIsClaimedThatWasNotSeen(t *testing.T) {
	for name, each := range map[string]struct {
		then    []segment
		outcome wire.Outcome
		cause   wire.Cause
	}{
		"nothing":                  {nil, wire.Unseen, ""},
		"the client has no more":   {[]segment{{from: 0, fin: true}}, wire.Unseen, ""},
		"the beginning of a head":  {[]segment{{from: 1, payload: []byte("HTTP/1.1 101 Swi")}}, wire.Unseen, ""},
		"the server closes":        {[]segment{{from: 1, fin: true}, {from: 0, fin: true}, {from: 1}}, wire.Closed, wire.CauseServer},
		"the server resets":        {[]segment{{from: 1, rst: true}}, wire.Closed, wire.CauseServerReset},
		"the client resets":        {[]segment{{from: 0, rst: true}}, wire.Closed, wire.CauseClientReset},
		"both close, client first": {[]segment{{from: 0, fin: true}, {from: 1, fin: true}, {from: 0}}, wire.Closed, wire.CauseClient},
	} {
		s := start(1)
		s.send(0, []byte(handshake), 1000)
		for _, g := range each.then {
			s.add(g)
		}
		found, report := read(t, ethernet.pcap(t, s.segments))
		if len(found) != 1 || found[0].Outcome != each.outcome || found[0].Cause != each.cause {
			t.Errorf("%s: got %+v, %+v", name, found, report)
		}
		if each.outcome == wire.Unseen && (report.Open != 1 || !slices.Contains(found[0].Lossy, LostEnd)) {
			t.Errorf("%s: got %+v", name, report)
		}
	}
}

// TestWebSocketEntriesWithoutAHandshakeAreCounted reads entries as programs write them that see no
// headers.
func TestWebSocketEntriesWithoutAHandshakeAreCounted(t *testing.T) {
	for name, each := range map[string]struct {
		entry    string
		headless int64
	}{
		"the kind":     {`"request":{"method":"GET","url":"https://app.test/ws"},"response":{"status":-1},"_resourceType":"websocket"`, 1},
		"the messages": {`"request":{"method":"GET","url":"https://app.test/ws"},"response":{"status":0},"_webSocketMessages":[{"type":"send","data":"hi"}]`, 1},
		"the scheme":   {`"request":{"method":"GET","url":"WSS://app.test/ws"},"response":{"status":200}`, 1},
		"a page":       {`"request":{"method":"GET","url":"https://app.test/ws"},"response":{"status":200},"_resourceType":"document"`, 0},
		"a handshake":  {`"request":{"method":"GET","url":"wss://app.test/ws","headers":[{"name":"Upgrade","value":"websocket"}]},"response":{"status":101},"_resourceType":"websocket"`, 0},
	} {
		found, report := read(t, []byte(`{"log":{"entries":[{`+each.entry+`}]}}`))
		if report.Headless != each.headless || (len(found) == 1) != (name == "a handshake") {
			t.Errorf("%s: got %d, %+v", name, len(found), report)
		}
		note := "1 WebSocket connection is recorded without the headers of its handshake"
		if slices.Contains(report.Notes(), note) != (each.headless == 1) {
			t.Errorf("%s: got %q", name, strings.Join(report.Notes(), "; "))
		}
	}
}
