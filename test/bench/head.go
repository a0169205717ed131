//go:build linux

package main

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
)

// headEnd returns the length of the head at the start of b including its empty line, or 0 while the
// head is incomplete.
func headEnd(b []byte) int {
	if i := bytes.Index(b, []byte("\r\n\r\n")); i >= 0 {
		return i + 4
	}
	return 0
}

// field returns the value of the first header with that ASCII name, or nil.
func field(head []byte, name string) []byte {
	for line := range bytes.Lines(head) {
		if len(line) > len(name) && line[len(name)] == ':' && bytes.EqualFold(line[:len(name)], []byte(name)) {
			return bytes.TrimSpace(line[len(name)+1:])
		}
	}
	return nil
}

// accept returns the Sec-WebSocket-Accept for a key (RFC 6455, 4.2.2).
func accept(key []byte) string {
	sum := sha1.Sum(append(bytes.Clone(key), "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"...))
	return base64.StdEncoding.EncodeToString(sum[:])
}
