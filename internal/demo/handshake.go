package demo

import (
	"crypto/rand"
	"encoding/base64"
	"slices"
	"strings"
)

// handshakeFields returns the headers of a WebSocket handshake with a fresh key, without the given
// ones.
func handshakeFields(version string, without ...string) string {
	var random [16]byte
	rand.Read(random[:])
	fields := [][2]string{
		{"Connection", "Upgrade"},
		{"Upgrade", "websocket"},
		{"Sec-WebSocket-Key", base64.StdEncoding.EncodeToString(random[:])},
		{"Sec-WebSocket-Version", version},
	}
	var b strings.Builder
	for _, field := range fields {
		if !slices.Contains(without, field[0]) {
			b.WriteString(field[0] + ": " + field[1] + "\r\n")
		}
	}
	return b.String()
}
