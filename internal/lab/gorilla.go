package lab

import (
	"net/http"
	"time"

	"github.com/gorilla/websocket"
)

// serveGorilla echoes messages with gorilla/websocket. On its own, the library accepts `99, 13`, or
// two version headers, as version 13.
func serveGorilla(w http.ResponseWriter, r *http.Request) {
	upgrader := websocket.Upgrader{HandshakeTimeout: writeTime}
	c, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // the library has sent the response
	}
	defer func() { _ = c.Close() }()
	c.SetReadLimit(maxMessage)
	for {
		_ = c.SetReadDeadline(time.Now().Add(idleTime))
		kind, message, err := c.ReadMessage()
		if err != nil {
			return
		}
		_ = c.SetWriteDeadline(time.Now().Add(writeTime))
		if c.WriteMessage(kind, message) != nil {
			return
		}
	}
}
