//go:build e2e

package e2e

import (
	"bufio"
	"encoding/base64"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Rejections that a stub can send.
const (
	bare426   = "HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
	version13 = "HTTP/1.1 400 Bad Request\r\nSec-WebSocket-Version: 13\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
)

// stub starts a server that answers each request with the refusal, except those that accepts
// selects, which it relays to the backend. It returns the server's URL.
func stub(t testing.TB, refusal string, accepts func(head string) bool, backend string) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				defer conn.Close()
				conn.SetDeadline(time.Now().Add(patience))
				answerOnce(conn.(*net.TCPConn), refusal, accepts, backend)
			})
		}
	})
	t.Cleanup(func() {
		ln.Close()
		all.Wait()
	})
	return "http://" + ln.Addr().String() + "/chat"
}

// answerOnce answers the first request of a connection.
func answerOnce(conn *net.TCPConn, refusal string, accepts func(head string) bool, backend string) {
	br := bufio.NewReader(conn)
	head := ""
	for !strings.HasSuffix(head, "\r\n\r\n") {
		line, err := br.ReadString('\n')
		if head += line; err != nil && line == "" {
			break
		}
	}
	if !accepts(head) {
		io.WriteString(conn, refusal)
		conn.CloseWrite()
		io.Copy(io.Discard, br)
		return
	}
	server, err := net.Dial("tcp", backend)
	if err != nil {
		return
	}
	defer server.Close()
	io.WriteString(server, head)
	var down sync.WaitGroup
	down.Go(func() {
		io.Copy(conn, server)
		conn.CloseWrite()
	})
	io.Copy(server, br)
	server.(*net.TCPConn).CloseWrite()
	down.Wait()
}

// nothing accepts no request.
func nothing(string) bool { return false }

// valid accepts only WebSocket handshakes that are valid to the letter (RFC 6455 §4.2.1).
func valid(head string) bool {
	lines := strings.Split(strings.TrimSuffix(head, "\r\n\r\n"), "\r\n")
	if lines[0] != "GET /chat HTTP/1.1" {
		return false
	}
	fields := map[string][]string{}
	for _, line := range lines[1:] {
		name, value, ok := strings.Cut(line, ":")
		if !ok || name == "" || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' }) ||
			strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r > '~' }) {
			return false
		}
		name = strings.ToLower(name)
		fields[name] = append(fields[name], strings.Trim(value, " \t"))
	}
	only := func(name string) string {
		if len(fields[name]) != 1 {
			return ""
		}
		return fields[name][0]
	}
	options := strings.FieldsFunc(strings.ToLower(strings.Join(fields["connection"], ",")), func(r rune) bool { return strings.ContainsRune(", \t", r) })
	key, err := base64.StdEncoding.Strict().DecodeString(only("sec-websocket-key"))
	host := strings.TrimPrefix(only("host"), "127.0.0.1:")
	return err == nil && len(key) == 16 && only("sec-websocket-version") == "13" && strings.EqualFold(only("upgrade"), "websocket") &&
		slices.Contains(options, "upgrade") && !slices.Contains(options, "close") && host != "" && strings.Trim(host, "0123456789") == "" &&
		len(fields["content-length"])+len(fields["transfer-encoding"])+len(fields["expect"])+len(fields["http2-settings"]) == 0
}
