package proxy

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/wire"
	"github.com/interlock-proxy/interlock/wire/h2"
)

// data is a DATA frame of stream 1 with a payload of n bytes.
func data(n int) string {
	return string([]byte{byte(n >> 16), byte(n >> 8), byte(n), 0, 0, 0, 0, 0, 1}) + bulk(n, n%7)
}

// TestHTTP2OfTunnelsIsRead passes small and large frames through h2c tunnels. The facts are those that
// reading every byte in order gives.
func TestHTTP2OfTunnelsIsRead(t *testing.T) {
	for name, driver := range drivers {
		t.Run(name, func(t *testing.T) { http2IsRead(t, driver) })
	}
	t.Run("loops", func(t *testing.T) { http2IsRead(t, nil) })
}

func http2IsRead(t *testing.T, driver func(*Relay)) {
	const (
		offer    = "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAUA____\r\n\r\n"
		accepted = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
		largest  = "\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x05\x00\xff\xff\xff" // SETTINGS with the largest MAX_FRAME_SIZE
	)
	r := relay(t, driver)
	client := r.dial()
	send(t, client, offer)
	backend := r.accept()
	expect(t, backend, offer)
	down := largest + "\x00\x00\x01\x01\x04\x00\x00\x00\x01\x88" + strings.Repeat(data(30), 50) + data(1<<20) + data(5) + data(900_000)
	up := h2.Preface + largest + "\x00\x00\x01\x01\x04\x00\x00\x00\x03\x82" + strings.Repeat(data(30), 50) + data(1<<20) + "\x00\x00\x08\x07\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	end := "\x00\x00\x08\x07\x00\x00\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x0b"
	send(t, backend, accepted+down[:len(largest)])
	expect(t, client, accepted+down[:len(largest)])
	sent := saying(client, up)
	expect(t, backend, up)
	answered := saying(backend, down[len(largest):]+end)
	expect(t, client, down[len(largest):]+end)
	if err := errors.Join(<-sent, <-answered); err != nil {
		t.Fatal(err)
	}
	backend.Close()
	expectEnd(t, client, "")
	client.Close()
	x := r.await("the end", func(all []*wire.Exchange) bool { return len(all) == 1 && all[0].Final })[0]
	whole := new(wire.Transcript)
	whole.Add(wire.FromClient, []byte(offer))
	whole.Add(wire.FromServer, []byte(accepted+largest))
	whole.Add(wire.FromClient, []byte(up))
	whole.Add(wire.FromServer, []byte(down[len(largest):]+end))
	want, got := withoutTimes(t, whole.Exchanges(wire.Common{})[0]), withoutTimes(t, x)
	if got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	if s := x.After.HTTP2.Sides[h2.Server]; s.Fault != nil || s.Frames[h2.Data] != 53 || s.Largest != 1<<20 || x.After.End.Server != (wire.Word{Kind: wire.WordGoAway, Code: 11}) {
		t.Errorf("%+v, end %+v", s, x.After.End)
	}
}

// withoutTimes is what the frames of an h2c tunnel show, but the times and what depends on which side was
// faster.
func withoutTimes(t *testing.T, x *wire.Exchange) string {
	t.Helper()
	if x.After.HTTP2 == nil {
		t.Fatal("the frames were not read")
	}
	f := *x.After.HTTP2
	f.Idle, f.IdleAt, f.GoneFirst = 0, 0, 0
	for i := range f.Sides {
		if g := f.Sides[i].GoAway; g != nil {
			copied := *g
			copied.At, f.Sides[i].GoAway = 0, &copied
		}
	}
	text, err := json.Marshal(&f)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
