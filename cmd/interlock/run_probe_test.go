package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/h2c"
)

//lint:file-ignore SA1019 what is to be used instead, net/http, has HTTP/2 in cleartext by prior knowledge only, not by a switch

// TestAnEndpointOfTwoProtocolsIsProbedByBoth has a backend that switches to WebSocket and to h2c at
// one path. Each probe is sent once: h2c probes as edits of the h2c handshake, all others as edits
// of the WebSocket handshake.
func TestAnEndpointOfTwoProtocolsIsProbedByBoth(t *testing.T) {
	backend := httptest.NewServer(h2c.NewHandler(http.HandlerFunc(switching), &http2.Server{}))
	defer backend.Close()
	name := filepath.Join(t.TempDir(), "rulings.json")
	both := "interlock probe $INTERLOCK_URL/both --only CTRL-WS,CTRL-H2C --exact >/dev/null 2>&1; true"
	var stdout, stderr bytes.Buffer
	execute([]string{"run", "--backend", backend.URL, "--probe", "--ascii", "-o", "text", "-o", "json=" + name, "--", "sh", "-c", both}, &stdout, &stderr)
	for _, want := range []string{"\n   /both (h2c) ", "\n   /both (websocket) "} {
		if !strings.Contains(stdout.String(), want) {
			t.Errorf("no %q in %s%s", want, &stdout, &stderr)
		}
	}
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var rulings []struct{ Origin, Probe string }
	if err := json.Unmarshal(text, &rulings); err != nil {
		t.Fatal(err)
	}
	sent := map[string]int{}
	for _, r := range rulings {
		if r.Origin == "probe" {
			sent[r.Probe]++
		}
	}
	for _, id := range []string{"UPGRADE-POST", "UPGRADE-UNKNOWN", "CTRL-H2C"} {
		if sent[id] != 1 {
			t.Errorf("%s: got %d rulings, want 1", id, sent[id])
		}
	}
	for id, n := range sent {
		if n > 1 {
			t.Errorf("%s was sent %d times", id, n)
		}
	}
}
