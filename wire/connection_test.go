package wire

import (
	"encoding/json"
	"strings"
	"testing"

	"golang.org/x/net/http2"

	"github.com/interlock-proxy/interlock/wire/h2"
)

// connectionsOf are what the exchanges of a connection say of it, a line for each.
func connectionsOf(t *testing.T, play func(*http2Writer)) (found []*Exchange, lines string) {
	t.Helper()
	w := newHTTP2Writer()
	play(w)
	found, _ = heardHTTP2(w, false)
	var all []string
	for _, x := range found {
		text, err := json.Marshal(x.Stream.Connection)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, string(text))
		agreesWithTranscript(t, x)
	}
	return found, strings.Join(all, "\n")
}

func TestConnectionsAreKnown(t *testing.T) {
	_, got := connectionsOf(t, func(w *http2Writer) {
		w.send(FromClient, func(f *http2.Framer) {
			f.WriteSettings(http2.Setting{ID: 1, Val: 65536}, http2.Setting{ID: 8, Val: 1}, http2.Setting{ID: 8, Val: 1}, http2.Setting{ID: 8, Val: 0})
		})
		w.head(FromClient, 1, false, ":method", "GET", ":scheme", "http", ":path", "/", ":authority", "a.test")
		w.head(FromClient, 3, false, extendedConnect()...)
		w.head(FromServer, 3, true, ":status", "403")
		w.data(FromClient, 3, true, "")
		w.head(FromServer, 1, true, ":status", "200")
		w.head(FromClient, 1, true, "trailer", "1")
		w.head(FromClient, 5, false, extendedConnect()...)
		w.head(FromServer, 5, false, ":status", "200")
		w.send(FromServer, func(f *http2.Framer) { f.WriteGoAway(5, http2.ErrCodeEnhanceYourCalm, nil) })
		w.send(FromClient, func(f *http2.Framer) {
			f.WriteRawFrame(http2.FrameHeaders, 4, 7, []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
		})
	})
	if want := `{"id":"1","streams":3,"open":1,"client":{"settings":{"1":65536,"8":0},"connect":[1,0]},"server":{"settings":{"8":1},"connect":[1],"goaway":{"last":5,"code":11}}}
{"id":"1","streams":3,"client":{"settings":{"1":65536,"8":0},"connect":[1,0],"blind":{"from":210,"why":"compression"}},` +
		`"server":{"settings":{"8":1},"connect":[1],"goaway":{"last":5,"code":11}}}`; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestExchangesShareTheirConnection checks that what is known is copied only if it has changed, and that
// what was reported stays.
func TestExchangesShareTheirConnection(t *testing.T) {
	found, _ := connectionsOf(t, func(w *http2Writer) {
		for id := uint32(1); id < 6; id += 2 {
			w.head(FromClient, id, true, extendedConnect()...)
		}
		w.send(FromServer, func(f *http2.Framer) { f.WriteGoAway(1, http2.ErrCodeNo, nil) })
		w.send(FromServer, func(f *http2.Framer) { f.WriteSettings(http2.Setting{ID: 8, Val: 0}) })
		w.head(FromServer, 1, true, ":status", "403")
	})
	if len(found) != 3 {
		t.Fatalf("%d exchanges", len(found))
	}
	away, last := [2]*Connection{found[0].Stream.Connection, found[1].Stream.Connection}, found[2].Stream.Connection
	if away[0] != away[1] {
		t.Error("two records of the same")
	}
	if len(away[0].Server.Connect) != 1 || len(last.Server.Connect) != 2 || away[0].Server.Settings[8] != 1 || last.Server.Settings[8] != 0 {
		t.Errorf("%+v and then %+v", away[0].Server, last.Server)
	}
}

// TestConnectionsAreBounded checks what is kept of a connection with many streams and settings.
func TestConnectionsAreBounded(t *testing.T) {
	var k connection
	for i := range uint32(10_000) {
		k.begin(2*i + 1)
		k.set(FromClient, h2.Setting{ID: uint16(i), Value: i})
		k.set(FromServer, h2.Setting{ID: settingConnectProtocol, Value: i})
	}
	if len(k.open) != maxOpen || k.known.Streams != 10_000 || len(k.known.Client.Settings) != h2.MaxSettings || len(k.known.Server.Connect) != maxConnects {
		t.Errorf("%d open of %d, %d settings, %d values", len(k.open), k.known.Streams, len(k.known.Client.Settings), len(k.known.Server.Connect))
	}
	for i := range uint32(10_000) {
		k.end(2*i+1, FromClient, true)
	}
	if len(k.open) != 0 || k.known.Open != 0 {
		t.Errorf("%d open", len(k.open))
	}
}
