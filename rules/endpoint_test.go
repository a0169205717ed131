package rules

import (
	"strings"
	"testing"
)

func TestTemplate(t *testing.T) {
	for target, want := range map[string]string{
		"/echo/123/abcdefgh/websocket":          "/echo/{id}/{id}/websocket", // SockJS
		"/echo/123/abcdefgh/xhr_streaming?t=17": "/echo/{id}/{id}/xhr_streaming",
		"/echo/123/abcdefgh/other":              "/echo/{id}/abcdefgh/other",
		"/echo/12/abcdefgh/websocket":           "/echo/{id}/abcdefgh/websocket",
		"":                                      "",
		"*":                                     "*",
		"/":                                     "/",
		"/chat":                                 "/chat",
		"/chat?token=abc":                       "/chat",
		"/chat#top":                             "/chat",
		"/chat/":                                "/chat/",
		"//chat":                                "//chat",
		"?a=b":                                  "{authority}",
		"http://staging.test":                   "/",
		"http://staging.test:80?a=b":            "/",
		"http://staging.test/chat/7":            "/chat/{id}",
		"HTTP://u:p@[::1]:80/chat?x":            "/chat",
		"db.test:5432":                          "{authority}",
		"chat":                                  "{authority}",
		"/users/42/chat":                        "/users/{id}/chat",
		"/rooms/550e8400-e29b-41d4-a716-446655440000": "/rooms/{id}",
		"/rooms/550E8400-E29B-41D4-A716-446655440000": "/rooms/{id}",
		"/rooms/550e8400xe29bx41d4xa716x446655440000": "/rooms/{id}", // looks like base64
		"/rooms/deadbeef":                   "/rooms/{id}",
		"/rooms/deadbee":                    "/rooms/deadbee",
		"/rooms/01ARZ3NDEKTSV4RRFFQ69G5FAV": "/rooms/{id}",
		"/rooms/c9j2k4l5m6n7p8q9r0s1":       "/rooms/{id}",
		"/rooms/x3JJHMbDL1EzLkh9GBhXDw==":   "/rooms/{id}",
		"/rooms/x3JJ-MbDL1_zLkh9GBhXDw":     "/rooms/{id}",
		"/v1/notifications-websocket":       "/v1/notifications-websocket",
		"/socket-server-v2-beta/live":       "/socket-server-v2-beta/live",
		"/NotificationsHub":                 "/NotificationsHub",
		"/api/subscriptionsendpoint":        "/api/subscriptionsendpoint",
		"/socket.io/":                       "/socket.io/",
		"/caf\xc3\xa9\x00<\"\x7f>":          "/caf%C3%A9%00<\"%7F>",
		"/a b":                              "/a%20b",
		"/100%":                             "/100%",
		"/" + strings.Repeat("x", 300):      "/" + strings.Repeat("x", 254) + "~",
		"/" + strings.Repeat("1/", 200):     "/" + strings.Repeat("{id}/", 50) + "{id}~",
	} {
		if got := Template(target); got != want {
			t.Errorf("%q: got %q, want %q", target, got, want)
		}
	}
}

// FuzzTemplate checks that a template is short and printable, and is its own template.
func FuzzTemplate(f *testing.F) {
	for _, target := range []string{
		"/users/42?x=1", "http://staging.test/chat", "db.test:5432", "/\x00\xff", "/" + strings.Repeat("ab1/", 90), "/%\xff0/{id}/=",
		"/" + strings.Repeat("0", 300), "://", "/a://b/7",
	} {
		f.Add(target)
	}
	f.Fuzz(func(t *testing.T, target string) {
		got := Template(target)
		if len(got) > maxTemplate {
			t.Errorf("%d bytes", len(got))
		}
		if strings.ContainsFunc(got, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
			t.Errorf("%q is not printable", got)
		}
		if again := Template(got); again != got {
			t.Errorf("got %q, and of that %q", got, again)
		}
	})
}
