package run_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/interlock-proxy/interlock/internal/probe"
	"github.com/interlock-proxy/interlock/internal/run"
	"github.com/interlock-proxy/interlock/wire"
	"github.com/interlock-proxy/interlock/wire/ws"
)

// talker greets, pings a moment later, and answers each message by what answer makes of it. It closes
// with code at "bye", and without a close frame if that is 0.
func talker(t *testing.T, answer func(string) string, code int) string {
	t.Helper()
	upgrader := websocket.Upgrader{EnableCompression: true}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		conn, err := upgrader.Upgrade(w, q, nil)
		if err != nil {
			return
		}
		defer conn.Close()
		until := time.Now().Add(time.Minute)
		if conn.WriteMessage(websocket.TextMessage, []byte("welcome")) != nil {
			return
		}
		time.Sleep(20 * time.Millisecond) // long enough for a client that does not wait for the ping
		if conn.WriteControl(websocket.PingMessage, []byte("alive?"), until) != nil {
			return
		}
		pong := make(chan string, 9)
		conn.SetPongHandler(func(data string) error {
			pong <- data
			return nil
		})
		for {
			kind, text, err := conn.ReadMessage()
			if err != nil {
				return
			}
			if string(text) == "bye" {
				if code != 0 {
					conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, ""), until)
				}
				return
			}
			if string(text) == "alive?" {
				select {
				case data := <-pong:
					text = []byte(data)
				default:
					text = []byte("nothing")
				}
			}
			if conn.WriteMessage(kind, []byte(answer(string(text)))) != nil {
				return
			}
		}
	}))
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

func client(kind ws.Kind, data string, frames int64) ws.Message {
	return ws.Message{From: ws.Client, Kind: kind, Size: int64(len(data)), Frames: frames, Data: []byte(data)}
}

func server(kind ws.Kind, data string) ws.Message {
	return ws.Message{From: ws.Server, Kind: kind, Size: int64(len(data)), Frames: 1, Data: []byte(data)}
}

// recorded is a conversation with a talker that echoes.
func recorded() *ws.Messages {
	long := strings.Repeat("long ", 1000)
	return &ws.Messages{Kept: []ws.Message{
		server(ws.Text, "welcome"), server(ws.Ping, "alive?"), client(ws.Pong, "alive?", 1),
		client(ws.Text, "alive?", 1), server(ws.Text, "alive?"), // what the pong said
		client(ws.Text, "grüße", 7), server(ws.Text, "grüße"), client(ws.Binary, long, 3), server(ws.Binary, long),
		client(ws.Ping, "x", 1), server(ws.Pong, "x"), client(ws.Text, "", 1), server(ws.Text, ""),
		client(ws.Text, "bye", 1), server(ws.Close, "\x03\xe8"),
	}}
}

const replayed = "GET /talk HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover; server_no_context_takeover\r\n\r\n"

func TestMessagesAreSentAgain(t *testing.T) {
	t.Parallel()
	same := func(text string) string { return text }
	for name, c := range map[string]struct {
		answer func(string) string
		code   int
		want   string
	}{
		"the same":     {same, 1000, ""},
		"another code": {same, 1001, "message 7 close 1000, and now close 1001"},
		"no close":     {same, 0, "messages  7 of the server, and now 6"},
		"other answers": {strings.ToUpper, 1000, `message 2 text of 6 bytes "alive?", and now text of 6 bytes "ALIVE?"` + "\n" +
			`message 3 text of 7 bytes "grüße", and now text of 7 bytes "GRÜßE"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			was := recorded()
			x, err := probe.ReplayFrames(t.Context(), probe.Target{Address: talker(t, c.answer, c.code), Base: probe.Exactly([]byte(replayed))}, probe.Settings{}, was)
			if err != nil {
				t.Fatal(err)
			}
			if x.Outcome != wire.Switched || x.After.Messages == nil {
				t.Fatalf("%s, %+v", x.Outcome, x.After)
			}
			got := strings.Join(run.MessageDifferences(was, x.After.Messages, true), "\n")
			if c.want == "" && got != "" || !strings.HasPrefix(got, c.want) {
				t.Errorf("got %s, want %s", got, c.want)
			}
			if faults := x.After.Frames.Sides[ws.Client].Faults; len(faults) > 0 {
				t.Errorf("the client's frames have faults: %+v", faults)
			}
			if hidden := fmt.Sprint(run.MessageDifferences(was, x.After.Messages, false)); strings.Contains(hidden, "alive") {
				t.Errorf("payload is shown: %s", hidden)
			}
		})
	}
}

// TestServersThatStayAwayAreNotWaitedFor checks that one missing message costs its time only once.
func TestServersThatStayAwayAreNotWaitedFor(t *testing.T) {
	t.Parallel()
	was := recorded()
	for range 200 {
		was.Kept = append(was.Kept[:1:1], append([]ws.Message{server(ws.Text, "never")}, was.Kept[1:]...)...)
	}
	x, err := probe.ReplayFrames(t.Context(), probe.Target{Address: talker(t, func(text string) string { return text }, 1000), Base: probe.Exactly([]byte(replayed))},
		probe.Settings{Head: 2 * time.Second}, was)
	if err != nil {
		t.Fatal(err)
	}
	if got := run.MessageDifferences(was, x.After.Messages, true); len(got) == 0 || got[0] != "messages  207 of the server, and now 7" {
		t.Errorf("got %q", got)
	}
}

func TestWhatIsMissingForAReplayIsSaid(t *testing.T) {
	t.Parallel()
	one := func(m ws.Message) *ws.Messages { return &ws.Messages{Kept: []ws.Message{m}} }
	for want, m := range map[string]*ws.Messages{
		"no messages of this exchange are kept":                          nil,
		"the client sent no message":                                     {},
		"the first 3 messages of the client are not kept":                {Dropped: [2]int64{3}},
		"the client sent no message to its end":                          one(ws.Message{Kind: ws.Text, Frames: 3, Size: ws.SizeUnknown, Cut: ws.CutEnd, Data: []byte("aaa")}),
		"message 1 of the client is kept only in part":                   one(ws.Message{Kind: ws.Text, Size: 9, Cut: ws.CutLong, Data: []byte("a")}),
		"message 1 of the client is not kept whole (corrupt)":            one(ws.Message{Kind: ws.Text, Size: ws.SizeUnknown, Cut: ws.CutCorrupt}),
		"the messages of this exchange are kept without their payload; ": one(ws.Message{Kind: ws.Text, Size: 9, Shape: "text"}),
	} {
		if err := probe.Replayable(probe.Exactly([]byte(replayed)), m); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
