package wire

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/interlock-proxy/interlock/wire/ws"
)

// An http2Writer writes the bytes of both sides of a connection, in their order.
type http2Writer struct {
	parts  []string // as conversation takes them
	bytes  [2]bytes.Buffer
	framer [2]*http2.Framer
	block  [2]bytes.Buffer
	hpack  [2]*hpack.Encoder
}

// connection of HTTP/2 whose server offers extended CONNECT.
func newHTTP2Writer() *http2Writer {
	w := new(http2Writer)
	for d := range w.framer {
		w.framer[d] = http2.NewFramer(&w.bytes[d], nil)
		w.framer[d].AllowIllegalWrites = true
		w.hpack[d] = hpack.NewEncoder(&w.block[d])
	}
	w.bytes[FromClient].WriteString(http2.ClientPreface)
	w.send(FromClient, func(f *http2.Framer) { f.WriteSettings() })
	w.send(FromServer, func(f *http2.Framer) { f.WriteSettings(http2.Setting{ID: 8, Val: 1}) })
	return w
}

func (w *http2Writer) send(d Direction, f func(*http2.Framer)) {
	f(w.framer[d])
	w.parts = append(w.parts, [...]string{">", "<"}[d]+w.bytes[d].String())
	w.bytes[d].Reset()
}

// head sends HEADERS with the fields, which come in pairs.
func (w *http2Writer) head(d Direction, stream uint32, ends bool, fields ...string) {
	for i := 0; i < len(fields); i += 2 {
		w.hpack[d].WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]})
	}
	block := bytes.Clone(w.block[d].Bytes())
	w.block[d].Reset()
	w.send(d, func(f *http2.Framer) {
		f.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: block, EndHeaders: true, EndStream: ends})
	})
}

func (w *http2Writer) data(d Direction, stream uint32, ends bool, p string) {
	w.send(d, func(f *http2.Framer) { f.WriteData(stream, ends, []byte(p)) })
}

func extendedConnect() []string {
	return []string{":method", "CONNECT", ":protocol", "websocket", ":scheme", "http", ":path", "/chat?x=1", ":authority", "a.test",
		"sec-websocket-version", "13", "origin", "http://a.test"}
}

// heardHTTP2 plays a connection, a byte at a time if so wished, and returns the last form of each exchange.
func heardHTTP2(w *http2Writer, bytewise bool) (found []*Exchange, c *Conversation) {
	common := Common{Origin: OriginLive, Counts: new(Counts)}
	got := collect(&common, "closed")
	c = new(Conversation)
	c.Open(&common)
	for i, part := range w.parts {
		d := FromClient
		if part[0] == '<' {
			d = FromServer
		}
		now := start.Add(time.Duration(i) * time.Millisecond)
		step := len(part)
		if bytewise {
			step = 1
		}
		for p := []byte(part[1:]); len(p) > 0; p = p[min(step, len(p)):] {
			c.Feed(d, p[:min(step, len(p))], now)
		}
	}
	c.Settle(CauseServer, start.Add(time.Second))
	return got.exchanges(), c
}

// describeStream is what a test looks at of an exchange.
func describeStream(x *Exchange) string {
	of := *x.Stream
	of.Connection = nil
	stream, _ := json.Marshal(of)
	status := 0
	if x.Response != nil {
		status = x.Response.Status
	}
	return fmt.Sprintf("%s %s %s %d %s %q %q early %d %s", x.Outcome, x.Request.Method, x.Request.Target, status, x.Cause,
		x.After.Client, x.After.Server, x.EarlyBytes, stream)
}

// An http2Play is a connection, and the exchanges that it has.
type http2Play struct {
	play func(*http2Writer)
	want []string
}

func http2Plays() map[string]http2Play {
	const hello, back = "\x81\x85\x11\x22\x33\x44\x79\x47\x5f\x28\x7e", "\x81\x05hello"
	return map[string]http2Play{
		"a tunnel": {func(w *http2Writer) {
			w.head(FromClient, 1, true, ":method", "GET", ":scheme", "http", ":path", "/", ":authority", "a.test")
			w.head(FromServer, 1, true, ":status", "204")
			w.head(FromClient, 3, false, extendedConnect()...)
			w.head(FromServer, 3, false, ":status", "200")
			w.data(FromClient, 3, false, hello)
			w.data(FromServer, 3, false, back)
			w.data(FromClient, 3, true, "")
			w.data(FromServer, 3, true, "")
		}, []string{`switched CONNECT /chat?x=1 200 client "` + `\x81\x85\x11\"3DyG_(~" "\x81\x05hello" early 0 ` +
			`{"id":3,"offered":"yes","client":{"end":"end"},"server":{"end":"end"}}`}},
		"a tunnel that is reset": {func(w *http2Writer) {
			w.head(FromClient, 1, false, extendedConnect()...)
			w.data(FromClient, 1, false, "early")
			w.head(FromServer, 1, false, ":status", "103")
			w.head(FromServer, 1, false, ":status", "200")
			w.send(FromClient, func(f *http2.Framer) { f.WriteRSTStream(1, http2.ErrCodeCancel) })
		}, []string{`switched CONNECT /chat?x=1 200 client-reset "early" "" early 5 {"id":1,"offered":"yes","client":{"end":"reset","code":8}}`}},
		"rejected in four manners": {func(w *http2Writer) {
			for id := uint32(1); id < 9; id += 2 {
				w.head(FromClient, id, false, extendedConnect()...)
			}
			w.head(FromServer, 1, true, ":status", "403")
			w.send(FromServer, func(f *http2.Framer) { f.WriteRSTStream(3, http2.ErrCodeProtocol) })
			w.send(FromServer, func(f *http2.Framer) { f.WriteGoAway(5, http2.ErrCodeNo, nil) })
		}, []string{
			`reset CONNECT /chat?x=1 0 server-reset "" "" early 0 {"id":3,"offered":"yes","server":{"end":"reset","code":1},"killed":{"by":"end","open":1,"milliseconds":993}}`,
			`goneaway CONNECT /chat?x=1 0 server "" "" early 0 {"id":7,"offered":"yes","server":{"end":"goaway"}}`,
			`refused CONNECT /chat?x=1 403  "" "" early 0 {"id":1,"offered":"yes","server":{"end":"end","atHead":true}}`,
			`closed CONNECT /chat?x=1 0 server "" "" early 0 {"id":5,"offered":"yes"}`,
		}},
		"rejected, and it goes on": {func(w *http2Writer) {
			for id := uint32(1); id < 9; id += 2 {
				w.head(FromClient, id, false, extendedConnect()...)
				w.head(FromServer, id, false, ":status", "404")
			}
			w.data(FromServer, 1, false, "not here")
			w.send(FromServer, func(f *http2.Framer) { f.WriteRSTStream(1, http2.ErrCodeRefusedStream) })
			w.data(FromServer, 3, true, "not here")
			w.data(FromClient, 3, false, "a frame")
			w.data(FromClient, 3, true, "another")
			w.data(FromServer, 5, true, "")
			w.head(FromClient, 5, false, "x", "1")
			w.data(FromClient, 7, false, "late")
			w.send(FromClient, func(f *http2.Framer) { f.WriteRSTStream(7, http2.ErrCodeCancel) })
		}, []string{
			`refused CONNECT /chat?x=1 404  "" "" early 0 {"id":1,"offered":"yes","server":{"end":"reset","code":7}}`,
			`refused CONNECT /chat?x=1 404  "" "" early 0 {"id":3,"offered":"yes","client":{"end":"end","late":14},"server":{"end":"end"}}`,
			`refused CONNECT /chat?x=1 404  "" "" early 0 {"id":7,"offered":"yes","client":{"end":"reset","code":8,"late":4}}`,
			`refused CONNECT /chat?x=1 404  "" "" early 0 {"id":5,"offered":"yes","client":{"heads":1},"server":{"end":"end"}}`,
		}},
		"a 101": {func(w *http2Writer) {
			w.head(FromClient, 1, false, ":method", "GET", ":scheme", "http", ":path", "/ws", ":authority", "a.test", "upgrade", "websocket", "connection", "upgrade")
			w.head(FromServer, 1, false, ":status", "101", "upgrade", "websocket")
		}, []string{`switched GET /ws 101 server "" "" early 0 {"id":1,"offered":"yes"}`}},
		"a 101 to an ordinary request": {func(w *http2Writer) {
			w.head(FromClient, 1, true, ":method", "GET", ":scheme", "http", ":path", "/", ":authority", "a.test")
			w.head(FromServer, 1, false, ":status", "101")
		}, []string{`switched GET / 101 server "" "" early 0 {"id":1,"offered":"yes"}`}},
		"HEADERS in a tunnel": {func(w *http2Writer) {
			w.head(FromClient, 1, false, extendedConnect()...)
			w.head(FromServer, 1, false, ":status", "200")
			w.head(FromClient, 1, true, "x-trailer", "1")
		}, []string{`switched CONNECT /chat?x=1 200 server "" "" early 0 {"id":1,"offered":"yes","client":{"end":"end","heads":1}}`}},
	}
}

func TestStreamsAreExchanges(t *testing.T) {
	for name, test := range http2Plays() {
		t.Run(name, func(t *testing.T) {
			w := newHTTP2Writer()
			test.play(w)
			for _, bytewise := range []bool{false, true} {
				found, c := heardHTTP2(w, bytewise)
				var got []string
				for _, x := range found {
					got = append(got, describeStream(x))
				}
				if strings.Join(got, "\n") != strings.Join(test.want, "\n") {
					t.Errorf("a byte at a time %t: got\n%s\nwant\n%s", bytewise, strings.Join(got, "\n"), strings.Join(test.want, "\n"))
				}
				if c.Unread() != "" || c.reading != nil || !c.Due().IsZero() {
					t.Errorf("unread %q, or a settled conversation holds memory", c.Unread())
				}
				for _, x := range found {
					agreesWithTranscript(t, x)
				}
			}
		})
	}
}

// agreesWithTranscript checks that the transcript of an exchange is that exchange.
func agreesWithTranscript(t *testing.T, x *Exchange) {
	t.Helper()
	text := x.Transcript().String()
	read, err := ParseTranscript([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	again := read.Exchanges(Common{Origin: OriginLive})
	if len(again) != 1 {
		t.Fatalf("%d exchanges in\n%s", len(again), text)
	}
	if got, want := describeStream(again[0]), describeStream(x); got != want {
		t.Errorf("got\n%s\nwant\n%s\nfrom\n%s", got, want, text)
	}
	if got, want := again[0].Stream.Connection, x.Stream.Connection; !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if x.After.Frames != nil {
		got, want := again[0].After.Frames.Sides, x.After.Frames.Sides
		for side := range want {
			if got[ws.Side(side)].Frames != want[ws.Side(side)].Frames {
				t.Errorf("frames of side %d: %v and %v", side, got[side].Frames, want[side].Frames)
			}
		}
	}
}

// TestManyStreamsTakeLittle opens streams that are never answered, with long heads that cost the client
// almost nothing: what is kept of them is bounded, and the connection says that some are not followed.
func TestManyStreamsTakeLittle(t *testing.T) {
	w := newHTTP2Writer()
	long := strings.Repeat("v", 3000)
	for i := range 2 * maxStreams {
		w.head(FromClient, uint32(2*i+1), false, append(extendedConnect(), "x-long", long, "x-long", long, "x-long", long)...)
	}
	common := Common{Counts: new(Counts)}
	var c Conversation
	c.Open(&common)
	for _, part := range w.parts {
		c.Feed(map[byte]Direction{'>': FromClient, '<': FromServer}[part[0]], []byte(part[1:]), start)
	}
	if n := len(c.http2.streams); n > maxHeads/9000 || n < maxHeads/10000 || c.http2.heads > maxHeads {
		t.Errorf("%d streams with heads of %d bytes", n, c.http2.heads)
	}
	if c.Unread() != "HTTP/2 streams beyond those that are kept" {
		t.Errorf("unread: %q", c.Unread())
	}
	w.parts = nil
	for range 30 {
		for i := range 100 {
			w.head(FromServer, uint32(2*i+1), false, ":status", "103", "x-long", strings.Repeat(long, 10))
		}
	}
	for _, part := range w.parts {
		c.Feed(FromServer, []byte(part[1:]), start)
	}
	if c.http2.heads > maxHeads+3000*leastHead {
		t.Errorf("heads of %d bytes", c.http2.heads)
	}
	c.Settle(CauseClient, start.Add(time.Minute))
	if common.Counts.Opaque.Load() != 1 {
		t.Error("the connection is not counted")
	}
}

// TestHeadsOfHTTP2AreText checks that the text of a field block is read as what it was made of.
func TestHeadsOfHTTP2AreText(t *testing.T) {
	w := newHTTP2Writer()
	w.head(FromClient, 1, false, ":method", "CONNECT", ":protocol", "websocket\r\nx-smuggled: 1", ":path", "/\r\n\r\n", "x a:b", "v\n", "empty", "", "cr", "\r")
	found, _ := heardHTTP2(w, false)
	if len(found) != 1 {
		t.Fatalf("%d exchanges", len(found))
	}
	q := found[0].Request
	want := "HTTP/2\r\n:method: CONNECT\r\n:protocol: websocket\r\n x-smuggled: 1\r\n:path: /\r\n \r\n \r\n" +
		`x\x20a\x3ab: v` + "\n \r\nempty: \r\ncr: \r\r\n\r\n"
	if string(q.Raw) != want {
		t.Errorf("got %q, want %q", q.Raw, want)
	}
	var fields []string
	for _, f := range q.Fields {
		fields = append(fields, fmt.Sprintf("%s=%q", q.Text(f.Name), q.Text(f.Value)))
	}
	if got := strings.Join(fields, " "); got != `:method="CONNECT" :protocol="websocket\r\n x-smuggled: 1" :path="/\r\n \r\n " x\x20a\x3ab="v\n " empty="" cr="\r"` {
		t.Error(got)
	}
	if q.Method != "CONNECT" || q.Version != "HTTP/2" {
		t.Errorf("%+v", q)
	}
}

// TestPartsOfThePreface checks that what only begins like HTTP/2 is read as before.
func TestPartsOfThePreface(t *testing.T) {
	for _, parts := range [][]string{
		{">P", ">RI * HTTP/1.1\r\nHost: a\r\nUpgrade: x\r\n\r\n", "<HTTP/1.1 400 Bad Request\r\n\r\n"},
		{">P", ">OST / HTTP/1.1\r\nHost: a\r\nUpgrade: x\r\n\r\n", "<HTTP/1.1 400 Bad Request\r\n\r\n"},
		{">PRI * HTTP/2.0\r\n\r\n", ">SN\r\n"},
		{">PRI", "<HTTP/1.1 400 Bad Request\r\n\r\n"},
		{">PRI"},
	} {
		whole := []string{}
		for _, p := range parts {
			if n := len(whole); n > 0 && whole[n-1][0] == p[0] {
				whole[n-1] += p[1:]
			} else {
				whole = append(whole, p)
			}
		}
		one, l1 := conversation(t, parts...)
		all, l2 := conversation(t, whole...)
		one.Settle(CauseClient, start.Add(time.Minute))
		all.Settle(CauseClient, start.Add(time.Minute))
		if len(l1.reports) != len(l2.reports) || one.Unread() != all.Unread() || one.fed != all.fed {
			t.Errorf("%q: %d reports, %q, %v; at once: %d, %q, %v", parts, len(l1.reports), one.Unread(), one.fed, len(l2.reports), all.Unread(), all.fed)
		}
	}
}
