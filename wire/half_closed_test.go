package wire

import (
	"testing"
	"time"
)

// TestContentMayEndAfterTheServer checks that a client may continue a request body after the
// server has responded and closed its side.
func TestContentMayEndAfterTheServer(t *testing.T) {
	for name, head := range map[string]string{
		"of known length": "POST / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nContent-Length: 10\r\n\r\n",
		"in chunks":       "POST / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nTransfer-Encoding: chunked\r\n\r\n",
	} {
		for _, rest := range []string{"5\r\nhello\r\n0\r\n\r\n", "no chunk"} {
			c, l := conversation(t, ">"+head)
			c.Ended(FromServer, start)
			c.Feed(FromClient, []byte(rest+rest), start)
			c.Feed(FromClient, []byte(plain), start)
			c.Settle(CauseServer, start.Add(time.Second))
			if last := l.last(); len(last) != 1 || last[0].Outcome != Closed || !last[0].Final {
				t.Errorf("%s, then %q: %d reports", name, rest, len(last))
			}
		}
	}
}

// TestTunnelsSayWhoHasEnded checks that an idle tunnel records the end of each direction, and no
// end that did not happen.
func TestTunnelsSayWhoHasEnded(t *testing.T) {
	for _, test := range []struct {
		ends           []Direction
		client, server bool
	}{{nil, false, false}, {[]Direction{FromClient}, true, false}, {[]Direction{FromServer}, false, true}, {[]Direction{FromServer, FromClient}, true, true}} {
		c, l := conversation(t, ">"+handshake, "<"+switching)
		c.Tick(start.Add(time.Minute))
		for _, d := range test.ends {
			c.Ended(d, start.Add(time.Minute))
		}
		c.Settle(CauseClient, start.Add(time.Hour))
		aftermath, last := l.reports[1].After, l.reports[2].After
		if last.ClientClosed != test.client || last.ServerClosed != test.server || !last.Ended {
			t.Errorf("%v: got %+v", test.ends, last)
		}
		if aftermath.ClientClosed || aftermath.ServerClosed || aftermath.Ended {
			t.Errorf("%v: a report has changed after it was made: %+v", test.ends, aftermath)
		}
	}
}
