//go:build e2e

package e2e

//lint:file-ignore SA1019 net/http does not switch to h2c, this does

import (
	"cmp"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	gorilla "github.com/gorilla/websocket"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/h2c"
)

// h2Table has what serve says of each request at each server, by code names of the servers: not all of
// what they do wrong is public.
const h2Table = "http2/live.txt"

var writeH2Table = flag.Bool("h2table", false, "write the tables of servers of HTTP/2")

// h2Places are the servers and the gateways with a backend behind them, by their code names in the tables.
func h2Places() map[string]func(*testing.T) (addr string) {
	all := map[string]func(*testing.T) string{}
	for name, code := range map[string]string{"x/net": "server-a", "x/net off": "server-b", "node": "server-c", "node off": "server-d", "hypercorn": "server-e"} {
		all[code] = h2Servers()[name]
	}
	for name, code := range map[string]string{"nghttpx": "gateway-a", "haproxy": "gateway-b", "apache": "gateway-c", "lighttpd": "gateway-d", "nginx": "gateway-e", "caddy": "gateway-f"} {
		start := h2Gateways()[name]
		all[code] = func(t *testing.T) string { return start(t, h2Backend(t)) }
	}
	all["gateway-g"] = func(t *testing.T) string { return h2Gateways()["haproxy"](t, nghttpx(t, h2Backend(t))) } // whose backend takes h2c
	return all
}

// h2Backend is a backend that speaks HTTP/1.1 and switches to WebSocket at /chat and to h2c at /items. As
// gorilla and net/http do, it answers 426 with an Upgrade header.
func h2Backend(t *testing.T) (addr string) {
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
		case "/items":
			fmt.Fprintln(w, "a page")
		default:
			http.NotFound(w, r)
		}
	})
	switching := h2c.NewHandler(pages, &http2.Server{})
	return site(t, func(w http.ResponseWriter, r *http.Request) {
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

func h2Requests() []h2Request {
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
	return []h2Request{
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
}

// TestHTTP2AtServers sends each request to each server through serve, on a connection of its own, and
// compares what serve says with the table. Where the server offers WebSockets over HTTP/2, the sound
// requests open tunnels that echo.
func TestHTTP2AtServers(t *testing.T) {
	t.Parallel()
	places := h2Places()
	compareWithTable(t, h2Table, slices.Sorted(maps.Keys(places)), func(t *testing.T, code string, cells map[string]string) (rows string) {
		p := serve(t, places[code](t))
		for _, r := range h2Requests() {
			got := askLive(t, p, r)
			want := cells[r.name]
			known := slices.Contains(strings.Split(want, " | "), got)
			if !known && !*writeH2Table {
				t.Errorf("%s: got %s, want %s", r.name, got, want)
			}
			if !known {
				want = got
			}
			rows += fmt.Sprintf("  %-16s %s\n", r.name, want)
		}
		return rows
	})
}

// compareWithTable has each server compared with its cells of a table, side by side. at returns the rows as they
// are now, which are written with -h2table.
func compareWithTable(t *testing.T, file string, codes []string, at func(t *testing.T, code string, cells map[string]string) (rows string)) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	table := h2Cells(t, string(text))
	found := make(chan string, len(codes))
	t.Run("all", func(t *testing.T) {
		for _, code := range codes {
			t.Run(code, func(t *testing.T) {
				t.Parallel()
				cells, known := table[code]
				if !known && !*writeH2Table {
					t.Fatalf("%s has no %s", file, code)
				}
				found <- "\n" + code + "\n" + at(t, code, cells)
			})
		}
	})
	close(found)
	if *writeH2Table {
		writeSections(t, file, string(text), found)
	}
}

// alternatives are the cells that several runs have found, by probe; of a pass there is none.
type alternatives map[string]string

// take compares a cell with those of the table, and keeps it.
func (a alternatives) take(t *testing.T, cells map[string]string, id, got, about string) {
	t.Helper()
	want := cmp.Or(cells[id], "pass")
	if !slices.Contains(strings.Split(want, " | "), got) && !*writeH2Table {
		t.Errorf("%s: got %s%s, want %s", id, got, about, want)
	}
	if got != "pass" && !strings.Contains(a[id], got) {
		a[id] = strings.TrimPrefix(a[id]+" | "+got, " | ")
	}
}

// rows are the cells as the table has them.
func (a alternatives) rows(width int) (rows string) {
	for _, id := range slices.Sorted(maps.Keys(a)) {
		rows += fmt.Sprintf("  %-*s %s\n", width, id, a[id])
	}
	return rows
}

// writeSections replaces the sections of a table, and keeps what is before them.
func writeSections(t *testing.T, table, text string, found <-chan string) {
	t.Helper()
	var sections []string
	for each := range found {
		sections = append(sections, each)
	}
	slices.Sort(sections)
	head, _, _ := strings.Cut(text, "\ngateway-a\n")
	if err := os.WriteFile(table, []byte(head+strings.Join(sections, "")), 0o644); err != nil {
		t.Error(err)
	}
}

// hangs is after which time a request counts as one that is not answered.
const hangs = 10 * time.Second

// askLive sends a request through serve, and returns what the server did and what serve says of it.
func askLive(t *testing.T, p *process, r h2Request) (cell string) {
	t.Helper()
	c := talkH2(t, p.listen)
	id := c.ask(r.end, r.lines(p.listen))
	if r.early != "" {
		c.data(id, false, r.early)
	}
	reply := c.streams[id]
	c.reads(hangs, func() bool {
		return reply.ended != "" || reply.heads > 0 && !strings.HasPrefix(reply.get(":status"), "10")
	})
	if sound := r.name == "sound" || r.name == "browser" || r.name == "te-trailers"; sound && reply.get(":status") == "200" {
		if err := c.echoesIn(id); err != nil {
			t.Errorf("%s: %v", r.name, err)
		}
	}
	c.conn.Close()
	from := c.conn.LocalAddr().String()
	x := p.await(t, "the exchange "+r.name, func(l line) bool { return l.Message == "exchange" && l.Client == from })
	cell = fmt.Sprintf("%s %d %s", x.Outcome, x.Status, x.Verdict)
	if len(x.Rules) > 0 {
		cell += " " + x.Severity + " " + strings.Join(x.Rules, " ")
	}
	return cell
}

// h2Cells reads a table: what is said of each request at each server.
func h2Cells(t *testing.T, text string) map[string]map[string]string {
	t.Helper()
	all := map[string]map[string]string{}
	code := ""
	for each := range strings.Lines(text) {
		name, cell, ok := strings.Cut(strings.TrimSpace(each), " ")
		switch {
		case strings.HasPrefix(each, "#") || name == "":
		case !strings.HasPrefix(each, " "):
			code = name
			all[code] = map[string]string{}
		case ok && code != "":
			all[code][name] = strings.TrimSpace(cell)
		default:
			t.Fatalf("a line that is no cell: %q", each)
		}
	}
	return all
}
