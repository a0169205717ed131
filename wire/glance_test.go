package wire

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/wire/ws"
)

// TestAGlanceChangesNothing looks at tunnels of every shape after each step: nothing is reported
// because of it, and what is seen is what the next report has.
func TestAGlanceChangesNothing(t *testing.T) {
	for name, transcript := range tunnels(t) {
		var c, looked Conversation
		plain, other := listen(&c), listen(&looked)
		now := start
		step := func(do func(*Conversation)) {
			now = now.Add(700 * time.Millisecond)
			do(&c)
			do(&looked)
			at, id, open := looked.began()
			x := looked.glance(now)
			switch {
			case open != (x != nil):
				t.Fatalf("%s: a tunnel is open: %v, and seen: %v", name, open, x != nil)
			case open && (x.ID != id || !x.Time.Equal(at) || x.Response == nil || x.After.Ended):
				t.Fatalf("%s: %q of %v is %+v", name, id, at, x)
			}
		}
		for _, chunk := range transcript.Chunks {
			step(func(c *Conversation) { c.Feed(chunk.From, chunk.Bytes, now); c.Wrote(chunk.From, len(chunk.Bytes)) })
			step(func(c *Conversation) { c.Tick(now) })
		}
		seen := looked.glance(now)
		step(func(c *Conversation) { c.Settle(CauseServer, now.Add(-700*time.Millisecond)) })
		if !reflect.DeepEqual(plain.reports, other.reports) {
			t.Errorf("%s: the reports are not the same", name)
		}
		if seen == nil {
			continue
		}
		last := other.reports[len(other.reports)-1]
		if !reflect.DeepEqual(seen.Request, last.Request) || !reflect.DeepEqual(seen.After.Frames, last.After.Frames) || seen.After.ClientBytes != last.After.ClientBytes || seen.After.ServerBytes != last.After.ServerBytes {
			t.Errorf("%s: saw %+v, reported is %+v", name, seen.After, last.After)
		}
	}
}

func TestAGlanceSeesWhatHasCome(t *testing.T) {
	c, l := websocket(t, "")
	c.Tick(start.Add(time.Minute))
	before := len(l.reports)
	c.Feed(FromServer, []byte(strings.Repeat(pongs, 9)), start.Add(time.Hour))
	c.Wrote(FromServer, 18)
	x := c.glance(start.Add(2 * time.Hour))
	if n := x.After.Frames.Sides[ws.Server].Frames[ws.Pong].Frames; n != 9 || x.After.Open.Round(time.Hour) != 2*time.Hour || len(l.reports) != before || c.tunnel.x != nil {
		t.Errorf("%d frames, open for %v, %d more reports, packed: %v", n, x.After.Open, len(l.reports)-before, c.tunnel.x == nil)
	}
}
