package probe

import (
	"bytes"
	"context"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// TestWaitsInVainGetShort checks how long a probe in HTTP/2 waits for what a server did not do before.
func TestWaitsInVainGetShort(t *testing.T) {
	const long = time.Minute
	for name, c := range map[string]struct {
		what     awaited
		vain     int32
		far      bool
		unasked  bool          // the request of the probe was not sent
		answered time.Duration // after that; 0: it was not
		want     time.Duration
	}{
		"an end":                    {awaitEnd, 0, false, false, time.Second, long},
		"an end, twice in vain":     {awaitEnd, mostStalls - 1, false, false, time.Second, long},
		"an end, in vain":           {awaitEnd, mostStalls, false, false, time.Second, quietTime + 2*time.Second},
		"a pong, in vain":           {awaitPong, mostStalls, false, false, 0, quietTime},
		"a page":                    {awaitPage, 0, false, false, time.Second, long},
		"a page, in vain":           {awaitPage, mostStalls, false, false, time.Second, nearPatience + 2*time.Second},
		"a page, in vain, far":      {awaitPage, mostStalls, true, false, time.Second, farPatience + 2*time.Second},
		"a page after silence":      {awaitPage, 0, false, false, 0, nearPatience},
		"a page before the request": {awaitPage, 0, false, true, 0, long},
	} {
		a := &streamed{caller: &caller{loopback: !c.far}}
		a.vain[c.what].Store(c.vain)
		if !c.unasked {
			a.asked = time.Now()
		}
		if c.answered > 0 {
			a.answered = a.asked.Add(c.answered)
		}
		if got := a.within(c.what, long); got != c.want {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
}

// TestServersThatPingFirst probes a server that answers nothing before its PING is acknowledged, also in a
// tunnel of h2c.
func TestServersThatPingFirst(t *testing.T) {
	b := serve(t, func(c *guest) {
		_, _ = c.br.Discard(len("SM\r\n\r\n"))
		pingFirst(http2.NewFramer(c, c.br))
	})
	const id, inside = "CTRL-H2-GET-WS", "UPGRADE-H2-PROTO-H2C"
	l, _, err := probed(context.Background(), t, b.target(), Settings{HTTP: HTTP2}, []*rules.Probe{rules.FindProbe(id), rules.FindProbe(inside)})
	if err != nil {
		t.Fatal(err)
	}
	if x := l.by[id]; x.Outcome != wire.Ignored || x.Follow.Status != 200 {
		t.Errorf("got %s, and then %+v", x.Outcome, x.Follow)
	}
	if in := l.by[inside].Inside; len(in) != 1 || in[0].Status != 200 {
		t.Errorf("in the tunnel: got %+v", in)
	}
}

// pingFirst answers every request with 200, but only after an acknowledged PING. CONNECT opens a tunnel with
// such a server in it, which answers the request in stream 3.
func pingFirst(f *http2.Framer) {
	ping := [8]byte{1, 2, 3}
	_ = f.WriteSettings(http2.Setting{ID: http2.SettingEnableConnectProtocol, Val: 1})
	_ = f.WritePing(false, ping)
	f.AllowIllegalReads = true
	headers := hpack.NewDecoder(4096, nil)
	var asked []*http2.HeadersFrame
	tunnels, acknowledged := map[uint32]bool{}, false
	for {
		frame, err := f.ReadFrame()
		if err != nil {
			return
		}
		switch frame := frame.(type) {
		case *http2.PingFrame:
			acknowledged = frame.IsAck() && frame.Data == ping
		case *http2.HeadersFrame:
			fields, _ := headers.DecodeFull(frame.HeaderBlockFragment())
			tunnels[frame.StreamID] = fields[0].Value == "CONNECT"
			asked = append(asked, frame)
		case *http2.DataFrame:
			switch {
			case bytes.HasPrefix(frame.Data(), []byte("PRI")):
				_ = f.WriteData(frame.StreamID, false, append(greeting2(), frame2(6, 0, 0, ping[:])...))
			case bytes.Contains(frame.Data(), frame2(6, 1, 0, ping[:])):
				_ = f.WriteData(frame.StreamID, false, frame2(1, 5, 3, []byte{0x88}))
			}
		}
		for acknowledged && len(asked) > 0 {
			id := asked[0].StreamID
			_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: []byte{0x88}, EndHeaders: true, EndStream: !tunnels[id]})
			asked = asked[1:]
		}
	}
}
