package rules

import (
	"strings"
	"testing"
)

// TestBothReadingsOfTwoFramingsEnd checks that the probe with both Content-Length and chunked
// framing leaves no server waiting: its body is complete by either framing.
func TestBothReadingsOfTwoFramingsEnd(t *testing.T) {
	h := FindProbe("UPGRADE-BODY-CLTE").On(NewHandshake("http", "a", "/", "k"))
	if !strings.Contains(h.Head(), "\r\nContent-Length: 5\r\n") || len(h.Content) != 5 || h.Content != "0\r\n\r\n" {
		t.Errorf("got %q with the body %q", h.Head(), h.Content)
	}
}
