package ui

import (
	"html"
	"strings"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/internal/audit"
	"github.com/interlock-proxy/interlock/internal/store"
	"github.com/interlock-proxy/interlock/wire"
)

// TestBothSidesOfAProxyAreShown holds that the page of an exchange shows what another Interlock saw
// of it, and what the proxy between the two changed.
func TestBothSidesOfAProxyAreShown(t *testing.T) {
	inner := stripped("/chat", time.Minute)
	edge := stripped("/chat", time.Minute+10*time.Millisecond)
	edge.Request = wire.ReadRequest([]byte("GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==\r\nSec-WebSocket-Version: 13\r\n\r\n"))
	alone := stripped("/alone", time.Hour)
	f := fill(t, []*wire.Exchange{edge, alone}, "")
	w := &store.Writer{Store: f.Store, Drain: time.Minute}
	inner.ID = "01J99999999999999999999999"
	(&audit.Audit{Instance: "inner", Each: w.Write}).Observe(inner)
	store1(t, w)
	for id, want := range map[string][]string{
		edge.ID:  {"On the other side of the proxy", "inner", "nearer to the backend", `<b>removes Upgrade: "websocket"</b>`, `adds X-Forwarded-For: "192.0.2.7"`, "- Connection: Upgrade", "/exchanges/" + inner.ID},
		inner.ID: {"On the other side of the proxy", "test", "nearer to the client", `<b>removes Upgrade: "websocket"</b>`},
	} {
		_, page := f.get(t, "/exchanges/"+id)
		page = html.UnescapeString(page)
		for _, text := range want {
			if !strings.Contains(page, text) {
				t.Errorf("%s: no %q in\n%s", id, text, content(page))
			}
		}
	}
	if _, page := f.get(t, "/exchanges/"+alone.ID); strings.Contains(page, "On the other side") {
		t.Error("an exchange without a twin has one")
	}
}
