package main

import (
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/internal/config"
	"github.com/interlock-proxy/interlock/internal/lab"
)

// TestReloadKeepsWhatIsSaidOfEvidence checks that evidence.keep and redact still apply after a
// reload, and on a route with rules of its own.
func TestReloadKeepsWhatIsSaidOfEvidence(t *testing.T) {
	backend, err := lab.Start("gorilla")
	if err != nil {
		t.Fatal(err)
	}
	defer backend.Close()
	const redact = "redact: {names: [room], allow: [otp]}\n"
	routes := "backend: " + backend.URL + "\nroutes:\n  - {name: own, hosts: [own.test], backend: \"" + backend.URL + "\", rules: {profile: all}}\n"
	for keep, want := range map[string]string{config.KeepFull: "/chat?token=abc&room=7&otp=1", config.KeepRedacted: "/chat?token=***&room=*&otp=1"} {
		s := serveFile(t, routes+redact+"evidence: {keep: "+keep+"}\n")
		seen := 0
		shown := func(when string) {
			for _, host := range []string{"elsewhere.test", "own.test"} {
				conn := s.request("GET /chat?token=abc&room=7&otp=1 HTTP/1.1\r\nHost: " + host + "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
					"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")
				conn.Close()
				seen++
				if e := s.await(t, "exchange", seen); e["target"] != want {
					t.Errorf("%s, %s, %s: the log shows %v, want %s", keep, host, when, e["target"], want)
				}
			}
		}
		shown("at first")
		s.write(strings.Replace(routes, "profile: all", "profile: seed", 1) + redact + "evidence: {keep: " + keep + "}\n")
		s.await(t, "configuration reloaded", 1)
		shown("after a reload")
		s.end()
	}
}
