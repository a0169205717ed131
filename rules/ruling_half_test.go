package rules

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/wire"
)

// TestATunnelWithOneSideOpenIsNotOver checks that a tunnel of which one side has ended its direction is
// written and read as one that goes on, on both sides of a proxy, and one that is over as before.
func TestATunnelWithOneSideOpenIsNotOver(t *testing.T) {
	const heads = "GET /chat HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==\r\nSec-WebSocket-Version: 13\r\n\r\n"
	for name, test := range map[string]struct {
		after wire.After
		cause wire.Cause
		want  string
	}{
		"open":          {wire.After{}, "", `"closed":""`},
		"client is out": {wire.After{ClientClosed: true}, "", `"closed":"","halfClosed":"client"`},
		"server is out": {wire.After{ServerClosed: true}, "", `"closed":"","halfClosed":"server"`},
		"over":          {wire.After{ClientClosed: true, Ended: true}, wire.CauseClient, `"closed":"client"`},
		"over, drained": {wire.After{ClientClosed: true, Ended: true}, wire.CauseDrain, `"closed":"drain"`},
	} {
		near := &wire.Exchange{
			ID: "N", Complete: true, Final: test.after.Ended, Origin: wire.OriginLive, Time: time.Unix(1_800_000_000, 0), Outcome: wire.Switched, Cause: test.cause, After: test.after,
			Request: wire.ReadRequest([]byte(heads)), Response: wire.ReadResponse([]byte("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")),
		}
		far := *near
		far.ID, near.Hop = "F", &wire.Hop{Far: &far}
		text, err := Classify(Case{X: near}).MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		if strings.Count(string(text), test.want+"}")+strings.Count(string(text), test.want+`,"end"`) != 2 {
			t.Errorf("%s: it is not %s twice: %s", name, test.want, text)
		}
		r, err := ReadRuling(text)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range []*wire.Exchange{r.X, r.X.Hop.Far} {
			a := x.After
			if a.Ended != test.after.Ended || x.Final != test.after.Ended || x.Cause != test.cause || !a.Ended && (a.ClientClosed != test.after.ClientClosed || a.ServerClosed != test.after.ServerClosed) {
				t.Errorf("%s: %s is read with final %t, cause %q, %+v", name, x.ID, x.Final, x.Cause, a)
			}
		}
		if again, err := r.MarshalJSON(); err != nil || !bytes.Equal(again, text) {
			t.Errorf("%s: %v, read and written again: %s", name, err, again)
		}
	}
}
