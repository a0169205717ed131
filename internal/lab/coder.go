package lab

import (
	"context"
	"net/http"

	"github.com/coder/websocket"
)

// serveCoder echoes messages with coder/websocket, which alone takes the first of several versions.
func serveCoder(w http.ResponseWriter, r *http.Request) {
	c, err := websocket.Accept(w, r, nil)
	if err != nil {
		return // the library has answered
	}
	defer func() { _ = c.CloseNow() }()
	c.SetReadLimit(maxMessage)
	for echoOnce(r.Context(), c) == nil {
	}
}

// echoOnce sends the next message back.
func echoOnce(ctx context.Context, c *websocket.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, idleTime)
	defer cancel()
	kind, message, err := c.Read(ctx)
	if err != nil {
		return err
	}
	return c.Write(ctx, kind, message)
}
