package lab

import (
	"bufio"
	"net/http"
	"strings"
	"sync"
)

// What the far side keeps.
const (
	mostSeen     = 50
	mostSeenHead = 512 // bytes of a head
)

// An h2Far is the far side of a bridge: it reads HTTP/1.1. All connections of a backend share it.
type h2Far struct {
	mu   sync.Mutex
	seen []string
}

// read reads the requests that begin text. It returns the first, nil if that is malformed, and what
// is incomplete.
func (f *h2Far) read(text string) (first *http.Request, rest string) {
	for {
		head, after, complete := strings.Cut(text, "\r\n\r\n")
		if !complete {
			return first, text
		}
		r, err := readHead(bufio.NewReaderSize(strings.NewReader(head+"\r\n\r\n"), len(head)+16), nil)
		if err != nil {
			return first, ""
		}
		if first == nil {
			first = r
		}
		f.record(head)
		text = after
	}
}

func (f *h2Far) record(head string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.seen = append(f.seen, strings.Clone(head[:min(len(head), mostSeenHead)]))
	if len(f.seen) > mostSeen {
		f.seen = f.seen[1:]
	}
}

// list returns the heads that were read last.
func (f *h2Far) list() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var text strings.Builder
	for _, head := range f.seen {
		text.WriteString(head + "\n\n")
	}
	return text.String()
}

// h2Key is the key that the bridge sends for each extended CONNECT: that of RFC 6455 §1.3.
const h2Key = "dGhlIHNhbXBsZSBub25jZQ=="

// inHTTP1 returns the head of a request as a bridge writes it in HTTP/1.1. A tunnel becomes an
// upgrade.
func (c *h2Conn) inHTTP1(head *h2Head, tunnel bool) string {
	var text strings.Builder
	line := func(name, value string) { text.WriteString(name + ": " + value + "\r\n") }
	method, path, host := head.pseudo[":method"], head.pseudo[":path"], head.pseudo[":authority"]
	if tunnel {
		method = http.MethodGet
	}
	if path == "" {
		path = h2Path
	}
	if host == "" {
		host = head.get("host")
	}
	text.WriteString(method + " " + path + " HTTP/1.1\r\n")
	line("Host", host)
	if tunnel {
		protocol := "websocket"
		if named, ok := head.pseudo[":protocol"]; ok {
			protocol = named
		}
		line("Upgrade", protocol)
		line("Connection", "Upgrade")
		line("Sec-WebSocket-Key", h2Key)
	}
	var cookies []string
	for _, f := range head.fields {
		switch f[0] {
		case "cookie":
			cookies = append(cookies, f[1])
		case "host", "content-length", "te", "transfer-encoding", "keep-alive", "proxy-connection":
		case "connection", "upgrade":
			if c.manner.upgrades || c.manner.upgradesH2C {
				line(f[0], f[1])
			}
		case "sec-websocket-key", "sec-websocket-accept":
			if !tunnel {
				line(f[0], f[1])
			}
		default:
			line(f[0], f[1])
		}
	}
	switch {
	case c.manner.firstCookie:
		cookies = cookies[:min(len(cookies), 1)]
	case c.manner.dropsCookie && tunnel:
		cookies = nil
	}
	if len(cookies) > 0 {
		line("Cookie", strings.Join(cookies, "; ")) // RFC 9113 §8.2.3
	}
	return text.String() + "\r\n"
}
