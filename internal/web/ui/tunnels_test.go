package ui

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/wire"
	"github.com/interlock-proxy/interlock/wire/ws"
)

// openExchange is an exchange whose tunnel is open: the client has sent a message with a secret, and a
// Close frame with one in its reason.
func openExchange() *wire.Exchange {
	r := ws.NewReader(ws.Terms{}, 0)
	r.Feed(ws.Client, []byte("\x81\x86\x00\x00\x00\x00CANARY\x88\x8e\x00\x00\x00\x00\x03\xe8token=CANARY"), time.Second)
	x := soundRun()[0]
	x.ID, x.Origin, x.Probe, x.Aim, x.Controls = "01JOPEN", wire.OriginLive, "", "", 0
	x.Request = wire.ReadRequest([]byte(strings.Replace(string(x.Request.Raw), "/chat", "/chat?token=CANARY", 1)))
	x.Final, x.Time = false, time.Now().Add(-time.Minute)
	x.After = wire.After{Frames: r.Facts(), ClientBytes: 32, Open: time.Minute, Client: []byte("\x81\x86\x00\x00\x00\x00CANARY")}
	x.After.Messages = &ws.Messages{Kept: []ws.Message{{Kind: ws.Text, Size: 6, Sent: 6, Frames: 1, Data: []byte("CANARY")}}}
	return x
}

// TestOpenTunnelsAreShownWithoutSecrets, in the list and on a page of their own, before and after the
// store has their exchange.
func TestOpenTunnelsAreShownWithoutSecrets(t *testing.T) {
	x := openExchange()
	for name, kept := range map[string][]*wire.Exchange{"stored": {x}, "not stored": soundRun()} {
		f := fill(t, kept, "01JRUN")
		f.Tunnels = func(int) ([]*wire.Exchange, int) { return []*wire.Exchange{x}, 7 }
		f.Tunnel = func(id string) *wire.Exchange {
			if id != x.ID {
				return nil
			}
			later := *x
			later.After.ClientBytes = 1_234
			return &later
		}
		for path, wants := range map[string][]string{
			"/tunnels":                {"7 tunnels open now; the latest 1 are listed", "/exchanges/01JOPEN", "2 frames, 32 B", "token=******", `data-follow="/api/v1/events?tunnels=true"`},
			"/tunnels.json":           {`"open": 7`, `"clientBytes": 32`},
			"/exchanges/01JOPEN":      {"tunnel open for 1 min 0 s", "1.2 kB", "first: 1000 (normal closure)", "token=******", "none yet", "1 message, in order", `data-follow="/api/v1/events?tunnel=01JOPEN"`},
			"/exchanges/01JOPEN.json": {`"clientBytes": 1234`, `"closedFirst": "client"`},
		} {
			status, page := f.get(t, path)
			for _, want := range wants {
				if status != http.StatusOK || !strings.Contains(page, want) {
					t.Errorf("%s, %s: status %d, no %q in %.3000q", name, path, status, want, content(page)+page[:min(len(page), 3000)])
				}
			}
			if strings.Contains(page, "CANARY") {
				t.Errorf("%s, %s: a secret is on the page", name, path)
			}
		}
		if status, _ := f.get(t, "/exchanges/01JNOT"); status != http.StatusNotFound {
			t.Errorf("an exchange that is not there: %d", status)
		}
	}
}
