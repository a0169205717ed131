package lab

import (
	"slices"
	"strings"
	"testing"
)

// TestOriginsAreComparedBadly checks which origins each fault accepts, besides the own one.
func TestOriginsAreComparedBadly(t *testing.T) {
	origins := map[string][]string{
		"http://evil.invalid":                            nil,
		"null":                                           {"origin-null", "origin-unparsed"},
		"evil.invalid":                                   {"origin-unparsed"},
		"HTTP://EVIL.INVALID":                            {"origin-unparsed"},
		"http://evilchat.lab.test:81":                    {"origin-contains", "origin-suffix"},
		"http://chat.lab.test.evil.invalid":              {"origin-prefix"},
		"http://chat.labAtest:81":                        {"origin-dot"},
		"http://x.chat.lab.test:81":                      {"origin-contains", "origin-subdomain", "origin-suffix"},
		"http://lab.test:81":                             {"origin-superdomain"},
		"http://chat.lab.test:82":                        {"origin-any-port", "origin-prefix"},
		"http://chat.lab.test.:81":                       {"origin-final-dot", "origin-prefix"},
		"http://localhost":                               {"origin-local"},
		"http://127.0.0.1":                               {"origin-local"},
		"http://chat.lab.test:81@evil.invalid":           {"origin-contains", "origin-prefix"},
		"http://chat.lab.test:81, http://evil.invalid":   {"origin-contains", "origin-first", "origin-prefix"},
		"http://chat.lab.test:81\r\nOrigin: http://evil": {"origin-first"},
	}
	for _, f := range originFaults() {
		s := start(t, f.name)
		with := func(origin string) int {
			return ask(t, s, strings.Replace(soundHandshake, "Host: lab\r\n", "Host: chat.lab.test:81\r\nOrigin: "+origin+"\r\n", 1)).StatusCode
		}
		if got := with("http://chat.lab.test:81"); got != 101 {
			t.Errorf("%s: got %d for the own origin", f.name, got)
		}
		for origin, accept := range origins {
			want := 403
			if slices.Contains(accept, f.name) {
				want = 101
			}
			if got := with(origin); got != want {
				t.Errorf("%s: %s: got %d, want %d", f.name, origin, got, want)
			}
		}
	}
	for name, want := range map[string]int{"origin-needed": 500, "origin-null": 101, "gorilla": 101} {
		if p := ask(t, start(t, name), soundHandshake); p.StatusCode != want {
			t.Errorf("%s: got %d without an Origin, want %d", name, p.StatusCode, want)
		}
	}
}
