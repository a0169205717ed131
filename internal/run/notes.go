package run

import (
	"fmt"
	"slices"
	"strings"
	"sync"
)

// complaints collects the distinct warnings and errors of the relay.
type complaints struct {
	mu    sync.Mutex
	lines []string
}

// maxComplaints is the maximum number kept; there are few different ones.
const maxComplaints = 20

// Write takes a line of the log, in plain text.
func (c *complaints) Write(p []byte) (int, error) {
	text := strings.TrimSuffix(string(p), "\n")
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.lines) < maxComplaints && !slices.Contains(c.lines, text) {
		c.lines = append(c.lines, text)
	}
	return len(p), nil
}

// notes returns what was not audited.
func (t *Run) notes() []string {
	counts := &t.relay.Counts
	var notes []string
	for _, each := range []struct {
		n         int64
		one, many string
	}{
		{counts.Opaque.Load(), "connection that could not be read, or not to its end", "connections that could not be read, or not to their end"},
		{counts.TLS.Load(), "of them is TLS", "of them are TLS"},
		{counts.HTTP2.Load(), "of them is HTTP/2", "of them are HTTP/2"},
		{counts.HTTP2Only.Load(), "client that takes only HTTP/2 was rejected", "clients that take only HTTP/2 were rejected"},
		{counts.HTTP3.Load(), "response that points to HTTP/3" + counts.HTTP3.Where() + ", which was not audited", "responses that point to HTTP/3" + counts.HTTP3.Where() + ", which was not audited"},
		{counts.Tunnels.Load(), "CONNECT tunnel", "CONNECT tunnels"},
		{t.audit.Sums().Advertised, "response that only advertises what is judged already", "responses that only advertise what is judged already"},
	} {
		switch {
		case each.n == 1:
			notes = append(notes, "1 "+each.one)
		case each.n > 1:
			notes = append(notes, fmt.Sprintf("%d %s", each.n, each.many))
		}
	}
	return append(notes, t.complaints.lines...)
}
