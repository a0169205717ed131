package probe

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// maxAsked is how many bytes are read of the response to a request for a session.
const maxAsked = 64 << 10

// ask makes an ordinary request with the headers of a handshake, except those that make it one, and
// returns the response body.
func (c *caller) ask(ctx context.Context, method, target string, h *rules.Handshake) ([]byte, error) {
	if err := c.pace.Wait(ctx); err != nil {
		return nil, err
	}
	conn, bare, err := c.dial(ctx, false)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { bare.Close() })
	defer stop()
	conn.SetDeadline(time.Now().Add(c.settings.Head))
	if _, err := io.WriteString(conn, c.ordinary(method, target, h)); err != nil {
		return nil, reason(err)
	}
	p, err := http.ReadResponse(bufio.NewReader(io.LimitReader(conn, maxAsked)), &http.Request{Method: method})
	if err != nil {
		return nil, reason(err)
	}
	defer p.Body.Close()
	if p.StatusCode/100 != 2 {
		return nil, fmt.Errorf("the response is %d", p.StatusCode)
	}
	return io.ReadAll(p.Body)
}

// ordinary is the head of that request.
func (c *caller) ordinary(method, target string, h *rules.Handshake) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\n", method, target)
	for _, l := range h.Lines {
		if !ofHandshake(l.Name) && !wire.EqualFold(l.Name, "Sec-WebSocket-Protocol") && !wire.EqualFold(l.Name, "Sec-WebSocket-Extensions") {
			b.WriteString(l.Name + ": " + l.Value + "\r\n")
		}
	}
	if c.settings.UserAgent != "" {
		b.WriteString("User-Agent: " + c.settings.UserAgent + " " + c.settings.Run + "\r\n")
	}
	if method == "POST" {
		b.WriteString("Content-Length: 0\r\n")
	}
	b.WriteString("Connection: close\r\n\r\n")
	return b.String()
}
