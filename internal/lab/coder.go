package lab

import (
	"context"
	"net/http"

	"github.com/coder/websocket"
)

// serveCoder echoes messages with coder/websocket. On its own, the library uses the first of
// several versions.
func serveCoder(w http.ResponseWriter, r *http.Request) {
	c, err := websocket.Accept(w, r, nil)
	if err != nil {
		return // the library has sent the response
	}
	defer func() { _ = c.CloseNow() }()
	c.SetReadLimit(maxMessage)
	for echoOnce(r.Context(), c) == nil {
	}
}

// echoOnce echoes the next message.
func echoOnce(ctx context.Context, c *websocket.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, idleTime)
	defer cancel()
	kind, message, err := c.Read(ctx)
	if err != nil {
		return err
	}
	return c.Write(ctx, kind, message)
}
