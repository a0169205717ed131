package wire

import (
	"fmt"
	"testing"
)

// TestOfferLostOnTheWayIsReported checks that a request that has kept only Connection: Upgrade, and
// is rejected for that reason, is an exchange.
func TestOfferLostOnTheWayIsReported(t *testing.T) {
	for _, each := range []struct {
		connection string
		status     int
		want       int
	}{{"close, Upgrade", 400, 1}, {"upgrade", 405, 1}, {"upgrade", 404, 0}, {"upgrade", 200, 0}, {"keep-alive", 400, 0}} {
		text := fmt.Sprintf("\n> GET / HTTP/1.1\\r\\nHost: a.test\\r\\nConnection: %s\\r\\n\\r\\n\n< HTTP/1.1 %d No\\r\\nContent-Length: 0\\r\\n\\r\\n\n",
			each.connection, each.status)
		transcript, err := ParseTranscript([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if got := len(transcript.Exchanges(Common{})); got != each.want {
			t.Errorf("Connection: %s answered with %d: got %d exchanges, want %d", each.connection, each.status, got, each.want)
		}
	}
}
