//go:build e2e

package e2e

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	gorilla "github.com/gorilla/websocket"
)

// requests returns request heads, valid and malformed, with a secret in each place that can hold
// one. Interlock stores all of these exchanges.
func (c *canaries) requests(t *testing.T) (all []string) {
	const key, version = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", "Sec-WebSocket-Version: 13\r\n"
	const offer = "Host: staging.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" + key + version
	for place, lines := range map[string]string{
		"authorization": "Authorization: Bearer %s\r\n", "cookie": "Cookie: a=b; sid=%s\r\n", "proxy-authorization": "Proxy-Authorization: Basic %s\r\n",
		"cookie of two lines": "Cookie: a=b;\r\n\tsid=%s\r\n", "authorization with a space": "Authorization : Bearer %s\r\n",
		"cookie after a lone LF": "X: y\nCookie: sid=%s\n", "cookie after a CR": "X: y\rCookie: sid=%s\r\n", "cookie with a NUL": "Cookie: sid=\x00%s\r\n",
		"cookie in capitals": "COOKIE:%s\r\n", "cookie twice": "Cookie: a=b\r\nCookie: %s\r\n", "a colon that is missing": "Cookie: a\r\n %s\r\n",
		"bearer subprotocol": "Sec-WebSocket-Protocol: chat, bearer, %s\r\n", "subprotocol of kubernetes": "Sec-WebSocket-Protocol: chat, base64url.bearer.authorization.k8s.io.%s\r\n",
		"subprotocol with bearer": "Sec-WebSocket-Protocol: bearer.%s\r\n", "subprotocol on two lines": "Sec-WebSocket-Protocol: access_token\r\nSec-WebSocket-Protocol: %s\r\n",
		"subprotocol that is not a token": "Sec-WebSocket-Protocol: chat, bearer=@%s\r\n", "subprotocol twice": "Sec-WebSocket-Protocol: bearer.%[1]s, bearer.%[1]s\r\n",
		"referer": "Referer: http://staging.test/a?token=%s\r\n", "user of a referer": "Referer: http://u:%s@staging.test/\r\n",
	} {
		all = append(all, "GET /chat HTTP/1.1\r\n"+fmt.Sprintf(lines, c.at(place))+offer+"\r\n")
	}
	for place, target := range map[string]string{
		"query": "/chat?room=1&access_token=%s", "query in capitals": "/chat?TOKEN=%s&a=b", "escaped query": "/chat?%%74icket=%s", "fragment": "/chat#jwt=%s",
		"user of the target": "http://u:%s@staging.test/chat", "query after a semicolon": "/chat?a=b;code=%s", "query with a space": "/chat?key=%s HTTP/1.1 x",
		"query with a NUL": "/chat?sig=\x00%s",
	} {
		all = append(all, "GET "+fmt.Sprintf(target, c.at(place))+" HTTP/1.1\r\n"+offer+"\r\n", "POST "+fmt.Sprintf(target, c.at(place))+" HTTP/1.0\r\n"+offer+"\r\n")
	}
	all = append(all, c.products(t, offer)...)
	frame := func(first byte, place string) string { // masked with zeros, so the payload is readable
		return string([]byte{first, 0x80 | byte(len(c.at(place))), 0, 0, 0, 0}) + c.at(place)
	}
	return append(all, "GET /chat HTTP/1.1\r\n"+offer+"\r\n"+frame(0x81, "early frame"), "GET /later HTTP/1.1\r\n"+offer+"\r\n",
		"GET /chat HTTP/1.1\r\n"+offer+"\r\n"+frame(0xf3, "reserved frame")+frame(0x02, "second frame"),
		"GET /chat HTTP/1.1\r\n"+offer+"\r\n\x81\x20"+c.at("frame without a mask"),
		"GET /chat HTTP/1.1\r\n"+offer+"\r\nGET /?token="+c.at("query after a switch")+" HTTP/1.1\r\nCookie: "+c.at("cookie after a switch")+"\r\n\r\n",
		"POST /login HTTP/1.1\r\nContent-Length: 32\r\n"+offer+"\r\n"+c.at("content"))
}

// products returns requests with a secret in each place where a known product puts one.
func (c *canaries) products(t *testing.T, offer string) (all []string) {
	text, err := os.ReadFile("../../rules/testdata/secrets/hidden.txt")
	if err != nil {
		t.Fatal(err)
	}
	for place := range strings.Lines(string(text)) {
		if place = strings.TrimSpace(place); strings.HasPrefix(place, "#") {
			continue
		}
		filled := strings.ReplaceAll(strings.ReplaceAll(place, "{jwt}", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI{s}.c2lnbmF0dXJl{s}"), "{s}", c.at(place))
		if strings.HasPrefix(place, "/") || strings.HasPrefix(place, "http") {
			all = append(all, "GET "+filled+" HTTP/1.1\r\n"+offer+"\r\n")
		} else {
			all = append(all, "GET /product HTTP/1.1\r\n"+filled+"\r\n"+offer+"\r\n")
		}
	}
	if len(all) < 100 {
		t.Errorf("only %d places of products", len(all))
	}
	return all
}

// indiscreet is a backend that accepts every upgrade, agrees to the last subprotocol offered, and
// puts secrets of its own in each place.
func (c *canaries) indiscreet(t *testing.T) string {
	b := listen(t)
	b.ln.SetDeadline(time.Time{})
	var ended sync.WaitGroup
	ended.Go(func() {
		for {
			conn, err := b.ln.AcceptTCP()
			if err != nil {
				return
			}
			ended.Go(func() {
				defer conn.Close()
				conn.SetDeadline(time.Now().Add(patience))
				c.answer(conn)
			})
		}
	})
	t.Cleanup(func() {
		b.ln.Close()
		ended.Wait()
	})
	return b.addr()
}

// answer serves one connection of the indiscreet backend.
func (c *canaries) answer(conn net.Conn) {
	head := make([]byte, 0, 64<<10)
	for !bytes.Contains(head, []byte("\n\r\n")) && len(head) < cap(head) {
		n, err := conn.Read(head[len(head):cap(head)])
		if head = head[:len(head)+n]; err != nil {
			return
		}
	}
	key, protocol := "", ""
	for line := range strings.Lines(string(head)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		switch strings.ToLower(name) {
		case "sec-websocket-key":
			key = strings.TrimSpace(value)
		case "sec-websocket-protocol":
			protocol = strings.TrimSpace(value[strings.LastIndex(value, ",")+1:])
		}
	}
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	worse := ""
	if !bytes.HasPrefix(head, []byte("GET /later?")) {
		worse = ";\r\n path=" + c.at("cookie of the server on two lines") + "\r\nset-cookie : " + c.at("cookie of the server with a space")
	}
	p := "HTTP/1.1 103 Early Hints\r\nSet-Cookie: sid=" + c.at("cookie of an interim response") + "\r\n\r\n" +
		"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: " + base64.StdEncoding.EncodeToString(sum[:]) +
		"\r\nSet-Cookie: sid=" + c.at("cookie of the server") + worse + "\r\nLocation: http://staging.test/?code=" + c.at("location") + "\r\n"
	if protocol != "" {
		p += "Sec-WebSocket-Protocol: " + protocol + "\r\n"
	}
	io.WriteString(conn, p+"\r\n\x81\x20"+c.at("frame of the server"))
	io.Copy(io.Discard, conn)
}

// discreet is a correct backend that has secrets of its own.
func (c *canaries) discreet(t *testing.T) string {
	up := gorilla.Upgrader{Subprotocols: []string{"chat"}, CheckOrigin: func(*http.Request) bool { return true }}
	return site(t, func(w http.ResponseWriter, q *http.Request) {
		w.Header().Set("Set-Cookie", "sid="+c.at("cookie of the server"))
		if q.Method != "GET" {
			w.Header().Set("Location", "/?token="+c.at("location"))
			w.WriteHeader(http.StatusFound)
			return
		}
		conn, err := up.Upgrade(w, q, w.Header())
		if err != nil {
			return
		}
		defer conn.Close()
		conn.SetReadDeadline(time.Now().Add(patience))
		conn.WriteMessage(gorilla.TextMessage, []byte(c.at("frame of the server")))
		for {
			if _, _, err := conn.ReadMessage(); err != nil {
				return
			}
		}
	})
}
