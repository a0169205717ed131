package demo

import (
	"crypto/rand"
	"encoding/base64"
	"strings"
)

// handshakeFields are the fields of a WebSocket handshake, without those whose name is empty.
func handshakeFields(connection, upgrade, key, version string) string {
	var b strings.Builder
	if connection != "" {
		b.WriteString("Connection: Upgrade\r\n")
	}
	if upgrade != "" {
		b.WriteString("Upgrade: websocket\r\n")
	}
	if key != "" {
		var random [16]byte
		rand.Read(random[:])
		b.WriteString("Sec-WebSocket-Key: " + base64.StdEncoding.EncodeToString(random[:]) + "\r\n")
	}
	return b.String() + "Sec-WebSocket-Version: " + version + "\r\n"
}
