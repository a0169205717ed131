package wire

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
)

// TestConnectionsThatEndWithAStream checks when the end of a connection belongs to a stream that ended
// before. Stream 1 is an ordinary one.
func TestConnectionsThatEndWithAStream(t *testing.T) {
	get := func(w *http2Writer) {
		w.head(FromClient, 1, true, ":method", "GET", ":scheme", "http", ":path", "/", ":authority", "a.test")
	}
	refused := func(w *http2Writer) {
		get(w)
		w.head(FromClient, 3, false, extendedConnect()...)
		w.head(FromServer, 3, true, ":status", "403")
	}
	goAway := func(code http2.ErrCode) func(*http2Writer) {
		return func(w *http2Writer) {
			w.send(FromServer, func(f *http2.Framer) { f.WriteGoAway(3, code, nil) })
		}
	}
	for name, test := range map[string]struct {
		play  []func(*http2Writer)
		end   Cause
		after time.Duration
		want  string
	}{
		"GOAWAY with an error": {[]func(*http2Writer){refused, goAway(http2.ErrCodeProtocol)}, CauseServer, time.Minute, `{"by":"goaway","code":1,"open":1,"milliseconds":1}`},
		"the end":              {[]func(*http2Writer){refused}, CauseServer, time.Millisecond, `{"by":"end","open":1,"milliseconds":2}`},
		"a reset":              {[]func(*http2Writer){refused}, CauseServerReset, time.Millisecond, `{"by":"reset","open":1,"milliseconds":2}`},
		"the end later":        {[]func(*http2Writer){refused}, CauseServer, time.Minute, "null"},
		"the client's end":     {[]func(*http2Writer){refused}, CauseClient, time.Millisecond, "null"},
		"after a reset stream": {[]func(*http2Writer){get, func(w *http2Writer) {
			w.head(FromClient, 3, false, extendedConnect()...)
			w.send(FromServer, func(f *http2.Framer) { f.WriteRSTStream(3, http2.ErrCodeProtocol) })
		}}, CauseServer, time.Millisecond, `{"by":"end","open":1,"milliseconds":2}`},
		"after a tunnel": {[]func(*http2Writer){get, func(w *http2Writer) {
			w.head(FromClient, 3, false, extendedConnect()...)
			w.head(FromServer, 3, false, ":status", "200")
			w.data(FromClient, 3, true, "")
			w.data(FromServer, 3, true, "")
		}}, CauseServer, time.Millisecond, `{"by":"end","open":1,"milliseconds":2}`},
		"a request": {[]func(*http2Writer){get, func(w *http2Writer) {
			w.head(FromClient, 3, false, extendedConnect()...)
		}, goAway(http2.ErrCodeProtocol)}, CauseServer, time.Millisecond, `{"by":"goaway","code":1,"open":1,"milliseconds":1}`},
		"HEADERS in a tunnel": {[]func(*http2Writer){get, func(w *http2Writer) {
			w.head(FromClient, 3, false, extendedConnect()...)
			w.head(FromServer, 3, false, ":status", "200")
			w.head(FromClient, 3, false, "x", "1")
		}}, CauseServer, time.Millisecond, `{"by":"end","open":1,"milliseconds":2}`},
		"a tunnel that the connection ends": {[]func(*http2Writer){get, func(w *http2Writer) {
			w.head(FromClient, 3, false, extendedConnect()...)
			w.head(FromServer, 3, false, ":status", "200")
		}}, CauseServer, time.Millisecond, "null"},
		"no other stream": {[]func(*http2Writer){refused, func(w *http2Writer) {
			w.head(FromServer, 1, true, ":status", "204")
		}}, CauseServer, time.Millisecond, "null"},
		"announced before": {[]func(*http2Writer){goAway(http2.ErrCodeNo), refused}, CauseServer, time.Millisecond, "null"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newHTTP2Writer()
			for _, play := range test.play {
				play(w)
			}
			common := Common{Counts: new(Counts)}
			got := collect(&common, "closed")
			var c Conversation
			c.Open(&common)
			now := start
			for _, part := range w.parts {
				now = now.Add(time.Millisecond)
				c.Feed(map[byte]Direction{'>': FromClient, '<': FromServer}[part[0]], []byte(part[1:]), now)
			}
			now = now.Add(test.after)
			if due := c.Due(); !due.IsZero() && now.After(due) {
				c.Tick(now)
			}
			c.Settle(test.end, now.Add(time.Millisecond))
			found := got.exchanges()
			if len(found) != 1 {
				t.Fatalf("%d exchanges", len(found))
			}
			text, err := json.Marshal(found[0].Stream.Killed)
			if err != nil || string(text) != test.want || !found[0].Final {
				t.Errorf("got %s, final %t, %v; want %s", text, found[0].Final, err, test.want)
			}
			agreesWithTranscript(t, found[0])
		})
	}
}

// TestSilenceStays checks that a request without an answer stays one when its connection ends.
func TestSilenceStays(t *testing.T) {
	w := newHTTP2Writer()
	w.head(FromClient, 1, false, extendedConnect()...)
	common := Common{Counts: new(Counts)}
	got := collect(&common, "closed")
	var c Conversation
	c.Open(&common)
	for _, part := range w.parts {
		c.Feed(map[byte]Direction{'>': FromClient, '<': FromServer}[part[0]], []byte(part[1:]), start)
	}
	c.Tick(start.Add(SilentAfter))
	c.Settle(CauseClient, start.Add(SilentAfter))
	x := got.exchanges()[0]
	if x.Outcome != Silent || x.Cause != CauseClient || !x.Final {
		t.Errorf("got %s %s, final %t", x.Outcome, x.Cause, x.Final)
	}
	agreesWithTranscript(t, x)
}

// TestTunnelsThatHang checks that a tunnel is reported whose client has ended it and whose server does
// nothing more, and not one whose server still sends.
func TestTunnelsThatHang(t *testing.T) {
	for _, sends := range []bool{false, true} {
		w := newHTTP2Writer()
		w.head(FromClient, 1, false, extendedConnect()...)
		w.head(FromServer, 1, false, ":status", "200")
		w.data(FromClient, 1, true, "\x88\x80\x00\x00\x00\x00")
		common := Common{Counts: new(Counts)}
		got := collect(&common, "closed")
		var c Conversation
		c.Open(&common)
		for _, part := range w.parts {
			c.Feed(map[byte]Direction{'>': FromClient, '<': FromServer}[part[0]], []byte(part[1:]), start)
		}
		if sends {
			w.parts = nil
			w.data(FromServer, 1, false, "\x88\x00")
			c.Feed(FromServer, []byte(w.parts[0][1:]), start.Add(HangsAfter-time.Second))
		}
		for now := start; !now.After(start.Add(HangsAfter)); now = now.Add(time.Second) {
			c.Tick(now)
		}
		if x := got.exchanges()[0]; x.Stream.Server.Hangs == sends || x.Final {
			t.Errorf("sends %t: hangs %t, final %t", sends, x.Stream.Server.Hangs, x.Final)
		}
		c.Settle(CauseClient, start.Add(time.Minute))
		x := got.exchanges()[0]
		agreesWithTranscript(t, x)
		if text := x.Transcript().String(); strings.Contains(text, `"hangs":true`) == sends {
			t.Errorf("sends %t:\n%s", sends, text)
		}
	}
}
