//go:build e2e

package e2e

//lint:file-ignore SA1019 net/http does not switch to h2c, this does

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	coder "github.com/coder/websocket"
	gorilla "github.com/gorilla/websocket"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/h2c"
)

// h2Table has what serve says of each request at each server, by code names of the servers: not all of
// what they do wrong is public.
const h2Table = "http2/live.txt"

// h2Places are the servers and the gateways with a backend behind them, by their code names in the tables.
// Each request has a connection of its own to the backend, unless shared: some gateways write what a client sends early
// into the connection, where it is an answer to the next request that depends on it.
func h2Places(shared bool) map[string]func(*testing.T, tlsPair) (addr string) {
	all := map[string]func(*testing.T, tlsPair) string{}
	for name, code := range map[string]string{"x/net": "server-a", "x/net off": "server-b", "node": "server-c", "node off": "server-d", "hypercorn": "server-e"} {
		all[code] = h2Servers()[name]
	}
	for name, code := range map[string]string{"nghttpx": "gateway-a", "haproxy": "gateway-b", "apache": "gateway-c", "lighttpd": "gateway-d", "nginx": "gateway-e", "caddy": "gateway-f"} {
		start := h2Gateways()[name]
		all[code] = func(t *testing.T, p tlsPair) string { return start(t, h2Backend(t, shared), p) }
	}
	all["gateway-g"] = func(t *testing.T, p tlsPair) string { // whose backend takes h2c
		return haproxyHTTP2(t, nghttpx(t, h2Backend(t, shared), tlsPair{}), p, shared)
	}
	return all
}

// h2Backend is a backend that speaks HTTP/1.1 and switches to WebSocket at /chat and /coder and to h2c at /items. At
// /coder, it answers 426 with an Upgrade header to what is not a handshake, as coder/websocket does.
func h2Backend(t *testing.T, keepAlive bool) (addr string) {
	upgrader := gorilla.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}
	pages := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if x := r.Header.Get("X-Il"); x != "" {
			w.Header().Set("X-Il", x)
		}
		switch r.URL.Path {
		case "/chat":
			conn, err := upgrader.Upgrade(w, r, nil)
			if err != nil {
				return
			}
			defer conn.Close()
			for {
				kind, text, err := conn.ReadMessage()
				if err != nil || conn.WriteMessage(kind, text) != nil {
					return
				}
			}
		case "/coder":
			if conn, err := coder.Accept(w, r, nil); err == nil {
				_ = conn.CloseNow()
			}
		case "/items":
			fmt.Fprintln(w, "a page")
		default:
			http.NotFound(w, r)
		}
	})
	switching := h2c.NewHandler(pages, &http2.Server{})
	return site(t, func(w http.ResponseWriter, r *http.Request) {
		if !keepAlive {
			w.Header().Set("Connection", "close")
		}
		if r.URL.Path == "/items" {
			switching.ServeHTTP(w, r)
			return
		}
		pages(w, r)
	})
}

// An h2Request is a request in HTTP/2 about an upgrade.
type h2Request struct {
	name  string
	end   bool // with the head
	lines func(addr string) []string
	early string // sent together with the head
}

// h2Requests returns them. A gateway gets one more, for a page of its backend.
func h2Requests(gateway bool) []h2Request {
	connect := func(name string, more ...string) h2Request {
		return h2Request{name: name, lines: func(addr string) []string { return connectLines(addr, "/chat", more...) }}
	}
	changed := func(name, line, value string, more ...string) h2Request {
		return h2Request{name: name, lines: func(addr string) []string { return with(connectLines(addr, "/chat", more...), line, value) }}
	}
	get := func(name, path string, more ...string) h2Request {
		return h2Request{name: name, end: true, lines: func(addr string) []string { return getLines(addr, path, more...) }}
	}
	const key, request = "dGhlIHNhbXBsZSBub25jZQ==", "GET /il-smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
	early := func(r h2Request, text string) h2Request {
		r.early = text
		return r
	}
	at := func(r h2Request, path string) h2Request {
		lines := r.lines
		r.lines = func(addr string) []string { return with(lines(addr), ":path", path) }
		return r
	}
	ending := func(r h2Request) h2Request {
		r.end = true
		return r
	}
	all := []h2Request{
		connect("sound"),
		connect("browser", "pragma", "no-cache", "cache-control", "no-cache", "user-agent", "a browser", "accept-encoding", "gzip, br", "accept-language", "en",
			"cookie", "a=1", "cookie", "b=2", "sec-websocket-extensions", "permessage-deflate; client_max_window_bits"),
		connect("te-trailers", "te", "trailers"),
		at(connect("elsewhere"), "/nope"),
		changed("unknown", ":protocol", "interlock-unknown"),
		at(changed("h2c", ":protocol", "h2c"), "/items"),
		at(changed("h2c-settings", ":protocol", "h2c", "http2-settings", "AAMAAABkAAQAAP__"), "/items"),
		changed("list", ":protocol", "websocket, h2c"),
		changed("space", ":protocol", " websocket"),
		changed("line-end", ":protocol", "websocket\r\nx-il-smuggled: 1"),
		{name: "two-protocols", lines: func(addr string) []string {
			return append([]string{":protocol", "connect-udp"}, connectLines(addr, "/chat")...)
		}},
		{name: "no-protocol", lines: func(addr string) []string {
			return slices.Delete(connectLines(addr, "/chat"), 2, 4)
		}},
		{name: "plain-connect", lines: func(addr string) []string { return []string{":method", "CONNECT", ":authority", addr} }},
		ending(changed("method-get", ":method", "GET")),
		changed("scheme", ":scheme", "https"),
		changed("version-99", "sec-websocket-version", "99"),
		connect("key", "sec-websocket-key", key),
		connect("content-length", "content-length", "0"),
		ending(connect("end-stream")),
		early(connect("early"), helloFrame),
		early(at(connect("early-request"), "/nope"), request),
		get("get", "/chat", "sec-websocket-version", "13"),
		get("upgrade", "/chat", "connection", "Upgrade", "upgrade", "websocket", "sec-websocket-version", "13", "sec-websocket-key", key),
		get("upgrade-alone", "/chat", "upgrade", "websocket", "sec-websocket-version", "13", "sec-websocket-key", key),
		get("upgrade-h2c", "/items", "connection", "Upgrade, HTTP2-Settings", "upgrade", "h2c", "http2-settings", "AAMAAABkAAQAAP__"),
	}
	if gateway {
		all = append(all, get("answer-426", "/coder", "sec-websocket-version", "13"))
	}
	return all
}

// TestHTTP2AtServers sends each request to each server through serve, on a connection of its own, in plain text and in
// TLS, and compares what serve says with the table. Where the server offers WebSockets over HTTP/2, the sound
// requests open tunnels that echo. Cells of requests in TLS that say something else end with /tls.
func TestHTTP2AtServers(t *testing.T) {
	t.Parallel()
	places, secure := h2Places(false), newTLSPair(t)
	compareWithTable(t, h2Table, slices.Sorted(maps.Keys(places)), func(t *testing.T, code string, cells map[string]string) (rows string) {
		const drain = "limits: {drain: 100ms}\n" // some servers do not end streams whose client is gone
		requests := h2Requests(strings.HasPrefix(code, "gateway-"))
		plain := askLive(t, serve(t, places[code](t, tlsPair{}), "--config", file(t, "interlock.yaml", []byte(drain))), requests, false)
		inTLS := askLive(t, auditTLS(t, places[code](t, secure), drain), requests, true)
		for i, r := range requests {
			cell := func(name, got, want string) string {
				known := slices.Contains(strings.Split(want, " | "), got)
				if !known && !*writeH2Table {
					t.Errorf("%s: got %s, want %s", name, got, want)
				}
				if !known {
					want = got
				}
				return want
			}
			inPlain := cell(r.name, plain[i], cells[r.name])
			rows += fmt.Sprintf("  %-16s %s\n", r.name, inPlain)
			if name := r.name + "/tls"; inTLS[i] != inPlain || cells[name] != "" {
				if other := cell(name, inTLS[i], cmp.Or(cells[name], inPlain)); other != inPlain {
					rows += fmt.Sprintf("  %-16s %s\n", name, other)
				}
			}
		}
		return rows
	})
}

// askLive sends requests through serve, all before the first answer is awaited, and returns for each what the server did
// and what serve says of it.
func askLive(t *testing.T, p *process, requests []h2Request, secure bool) (cells []string) {
	t.Helper()
	talks, ids := make([]*h2Talk, len(requests)), make([]uint32, len(requests))
	for i, r := range requests {
		c, lines := talkH2(t, p.listen, secure), r.lines(p.listen)
		if secure {
			overTLS(lines)
		}
		talks[i], ids[i] = c, c.ask(r.end, lines)
		if r.early != "" {
			c.data(ids[i], false, r.early)
		}
		c.out.Flush()
	}
	for i, r := range requests {
		c, reply := talks[i], talks[i].streams[ids[i]]
		c.reads(patience, func() bool {
			return reply.ended != "" || reply.heads > 0 && !strings.HasPrefix(reply.get(":status"), "10")
		})
		if sound := r.name == "sound" || r.name == "browser" || r.name == "te-trailers"; sound && reply.get(":status") == "200" {
			if err := c.echoesIn(ids[i]); err != nil {
				t.Errorf("%s: %v", r.name, err)
			}
		}
		c.conn.Close()
	}
	for i, r := range requests {
		from := talks[i].conn.LocalAddr().String()
		x := p.await(t, "the exchange "+r.name, func(l line) bool { return l.Message == "exchange" && l.Client == from })
		cell := fmt.Sprintf("%s %d %s", x.Outcome, x.Status, x.Verdict)
		if len(x.Rules) > 0 {
			cell += " " + x.Severity + " " + strings.Join(x.Rules, " ")
		}
		cells = append(cells, cell)
	}
	return cells
}

// overTLS makes lines of a request in plain text those of one in TLS, of which the scheme is as right as it was.
func overTLS(lines []string) {
	for i := 0; i < len(lines); i += 2 {
		switch lines[i] {
		case ":scheme":
			lines[i+1] = map[string]string{"http": "https", "https": "http"}[lines[i+1]]
		case "origin":
			lines[i+1] = strings.Replace(lines[i+1], "http:", "https:", 1)
		}
	}
}

// TestRefusalsThatHTTP2ClientsCannotRead has a backend answer 426 with Upgrade and Connection. nginx passes Upgrade on
// in HTTP/2, where curl and nghttp take it for malformed: Interlock says so, and what it recommends helps.
func TestRefusalsThatHTTP2ClientsCannotRead(t *testing.T) {
	t.Parallel()
	backend := h2Backend(t, true)
	for name, way := range map[string]struct {
		pair tlsPair
		curl []string
	}{
		"plain": {tlsPair{}, []string{"--http2-prior-knowledge", "http://"}},
		"tls":   {newTLSPair(t), []string{"--http2", "https://"}},
	} {
		for _, mended := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s mended=%v", name, mended), func(t *testing.T) {
				more := map[bool]string{true: "proxy_hide_header Upgrade;"}[mended]
				front := nginxHTTP2(t, backend, more, way.pair)
				p := serve(t, front)
				if name == "tls" {
					p = auditTLS(t, front, "")
				}
				url := way.curl[1] + p.listen + "/coder"
				curl := run(t, program(t, "curl", "curl"), "-sSk", way.curl[0], "-w", "%{http_code} %{http_version}", "-o", filepath.Join(t.TempDir(), "body"), url)
				nghttp := run(t, program(t, "nghttp", "nghttp2-client"), "-v", "--no-verify-peer", url)
				reset := strings.Contains(nghttp.stdout, "send RST_STREAM") && strings.Contains(nghttp.stdout, "PROTOCOL_ERROR")
				if read := curl.status == 0 && curl.stdout == "426 2"; read != mended || reset == mended {
					t.Errorf("curl: %d %q %q, want the 426: %v; nghttp has reset the stream: %v, want %v", curl.status, curl.stdout, curl.stderr, mended, reset, !mended)
				}
				x := p.exchange(t, "/coder")
				said := slices.Contains(x.Rules, "UPGRADE-H2-ANSWER-FIELD") && slices.Contains(x.Diagnoses, "h2-unreadable-refusal")
				if x.Status != 426 || said == mended {
					t.Errorf("got %s, want a 426, and that it is unreadable: %v", x.text, !mended)
				}
			})
		}
	}
}
