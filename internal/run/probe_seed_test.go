package run

import (
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/internal/probe"
	"github.com/interlock-proxy/interlock/rules"
)

// TestSeedsAreSentToTheByte compares the requests of --seed-compat with those of the five original
// tests.
func TestSeedsAreSentToTheByte(t *testing.T) {
	const fields = "Connection: Upgrade\r\nUpgrade: websocket\r\n"
	const websocket = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
	want := map[string]string{
		"UPGRADE-POST":         "POST / HTTP/1.1\r\nHost: a:1\r\n" + fields + websocket,
		"UPGRADE-MISSING-CONN": "GET / HTTP/1.1\r\nHost: a:1\r\nUpgrade: websocket\r\n" + websocket,
		"UPGRADE-INVALID-VER":  "GET / HTTP/1.1\r\nHost: a:1\r\n" + fields + strings.Replace(websocket, "13", "99", 1),
		"UPGRADE-UNKNOWN":      "GET / HTTP/1.1\r\nHost: a:1\r\nConnection: Upgrade\r\nUpgrade: totally-made-up/1.0\r\n\r\n",
		"UPGRADE-HTTP10":       "GET / HTTP/1.0\r\nHost: a:1\r\n" + fields + websocket,
	}
	all, err := SeedProbes(&ProbeFlags{})
	if err != nil || len(all) != len(want) {
		t.Errorf("%d probes, %v", len(all), err)
	}
	base := rules.NewHandshake("http", "a:1", "/", "another key")
	probe.SetFields(base, []probe.Field{{Name: "Origin", Value: "http://a:1"}, {Name: "Cookie", Value: "a=b"}})
	for _, p := range all {
		if h := p.On(base); h.First() != want[p.ID] || h.After != "" || h.Split != 0 {
			t.Errorf("%s\ngot  %q\nwant %q", p.ID, h.First(), want[p.ID])
		}
	}
}
