//go:build linux

package main

import (
	"strings"
	"testing"
)

func TestAnswersAreChecked(t *testing.T) {
	with := &conn{accept: accept([]byte("dGhlIHNhbXBsZSBub25jZQ=="))}
	if with.accept != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" { // RFC 6455, 1.3
		t.Fatalf("accept: got %q", with.accept)
	}
	const switched = "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
	for name, c := range map[string]struct {
		end     func(*client, *conn, []byte) (bool, error)
		in      string
		all, ok bool
	}{
		"whole":           {endGet, originAnswer, true, true},
		"lower case":      {endGet, strings.ReplaceAll(originAnswer, "Content-Length", "content-length"), true, true},
		"half a head":     {endGet, originAnswer[:20], false, true},
		"half a body":     {endGet, originAnswer[:len(originAnswer)-1], false, true},
		"error status":    {endGet, strings.Replace(originAnswer, "200 OK", "502 Bad Gateway", 1), false, false},
		"other body":      {endGet, strings.Replace(originAnswer, "Hello", "hello", 1), false, false},
		"other length":    {endGet, strings.Replace(originAnswer, "13", "12", 1), false, false},
		"no length":       {endGet, strings.Replace(originAnswer, "Content-Length: 13\r\n", "", 1), false, false},
		"a byte too many": {endGet, originAnswer + "x", false, false},
		"refused":         {endHandshake, originAnswer, false, false},
		"half a switch":   {endHandshake, switched[:30], false, true},
		"other accept":    {endHandshake, strings.Replace(switched, "s3p", "s3P", 1), false, false},
		"403":             {endRefused, originRefusal, true, true},
		"half a 403":      {endRefused, originRefusal[:30], false, true},
		"not refused":     {endRefused, switched, false, false},
		"early bytes":     {endHandshake, switched + "x", false, false},
	} {
		all, err := c.end(&client{}, with, []byte(c.in))
		if all != c.all || (err == nil) != c.ok {
			t.Errorf("%s: got %v, %v; want all %v, ok %v", name, all, err, c.all, c.ok)
		}
	}
}
