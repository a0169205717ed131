package lab

import (
	"strings"
	"testing"
)

// TestUsersAreNamed checks which claims of a client reach the application of each login proxy.
func TestUsersAreNamed(t *testing.T) {
	claims := []string{"X-Forwarded-User: mallory", "X_Forwarded_User: mallory", "X-Forwarded-User: bob\r\nX-Forwarded-User: mallory", "Upgrade-Insecure-Requests: 1"}
	for name, want := range map[string][]string{
		"identity":            {"alice", "alice", "alice", "alice"},
		"identity-direct":     {"mallory", "", "bob", ""},
		"identity-underscore": {"alice", "mallory", "alice", "alice"},
		"identity-twice":      {"alice", "alice", "mallory", "alice"},
		"identity-nominate":   {"alice", "alice", "alice", "alice"},
	} {
		s := start(t, name)
		for i, claim := range claims {
			want := "X-Forwarded-User is " + want[i]
			if strings.HasSuffix(want, " ") {
				want = "nobody"
			}
			p := ask(t, s, strings.Replace(soundHandshake, "Host: lab\r\n", "Host: lab\r\n"+claim+"\r\n", 1))
			if got := p.Header.Get("X-Seen"); got != want || p.StatusCode != 101 {
				t.Errorf("%s, %q: got %d and %q, want %q", name, claim, p.StatusCode, got, want)
			}
		}
	}
	nominated := strings.Replace(soundHandshake, "Connection: Upgrade", "Connection: Upgrade, X-Forwarded-User\r\nX-Forwarded-User: mallory", 1)
	for name, want := range map[string]string{"identity": "X-Forwarded-User is alice", "identity-nominate": "nobody"} {
		if got := ask(t, start(t, name), nominated).Header.Get("X-Seen"); got != want {
			t.Errorf("%s: got %q for a header that Connection lists, want %q", name, got, want)
		}
	}
}
