package wire

import (
	"slices"
	"testing"
)

// TestDeniedRequestsAreTold plays requests that are answered with 401 or 403, with an offer and
// without.
func TestDeniedRequestsAreTold(t *testing.T) {
	var told []string
	c := Conversation{}
	c.Open(&Common{Route: "blue", Counts: new(Counts), Asides: &Asides{Denied: func(route string, q *Request) { told = append(told, route+" "+q.Method+" "+q.Target) }}})
	say := func(from Direction, text string) { c.Feed(from, []byte(text), start) }
	say(FromClient, "GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n")
	say(FromServer, "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
	say(FromClient, handshake)
	say(FromServer, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
	say(FromClient, "POST /c HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
	say(FromServer, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
	if want := []string{"blue GET /a", "blue POST /c"}; !slices.Equal(told, want) {
		t.Errorf("got %q, want %q", told, want)
	}
}
