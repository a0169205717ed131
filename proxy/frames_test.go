package proxy

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/wire"
	"github.com/interlock-proxy/interlock/wire/ws"
)

// sized returns a binary frame of a server with a payload of n bytes, at least 65,536.
func sized(n int) string {
	head := []byte{0x82, 0x7f, 0, 0, 0, 0, byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}
	return string(head) + bulk(n, n%7)
}

// facts returns the facts of the exchange but its times, as text.
func facts(t *testing.T, x *wire.Exchange) string {
	t.Helper()
	if x.After.Frames == nil {
		t.Fatal("the frames were not read")
	}
	f := *x.After.Frames
	f.Idle, f.IdleAt = 0, 0
	for i := range f.Sides {
		s := &f.Sides[i]
		if s.Pings.Since, s.Pings.Shortest, s.Pings.Longest = 0, 0, 0; s.Close != nil {
			c := *s.Close
			c.At, s.Close = 0, &c
		}
	}
	text, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestFramesOfTunnelsAreRead passes small and large frames through tunnels. The facts are those that
// reading every byte in order gives.
func TestFramesOfTunnelsAreRead(t *testing.T) {
	for name, driver := range drivers {
		t.Run(name, func(t *testing.T) { framesAreRead(t, driver) })
	}
	t.Run("loops", func(t *testing.T) { framesAreRead(t, nil) })
}

func framesAreRead(t *testing.T, driver func(*Relay)) {
	r := relay(t, driver)
	client, backend := r.switchedOver()
	up := strings.Repeat("\x89\x81abcd\x00", 400) + "\x82\xff\x00\x00\x00\x00\x00\x0a\x00\x00abcd" + bulk(0xa0000, 3) + "\x88\x82abcd\x62\x8a"
	down := strings.Repeat("\x8a\x01a", 400) + sized(1<<20) + "\x89\x00" + sized(700_000) + "\x01\x03\xe2\x82\xac" + sized(66_000) + "\x80\x00\x88\x02\x03\xe8\x81\x01x"
	sent := saying(client, up)
	expect(t, backend, up)
	answered := saying(backend, down)
	expect(t, client, down)
	if err := errors.Join(<-sent, <-answered); err != nil {
		t.Fatal(err)
	}
	backend.Close()
	expectEnd(t, client, "")
	client.Close()
	x := r.await("the end", func(all []*wire.Exchange) bool { return len(all) == 1 && all[0].Final })[0]
	whole := new(wire.Transcript)
	whole.Add(wire.FromClient, []byte(handshake))
	whole.Add(wire.FromServer, []byte(switching))
	whole.Add(wire.FromClient, []byte(up))
	whole.Add(wire.FromServer, []byte(down))
	want := facts(t, whole.Exchanges(wire.Common{})[0])
	if got := facts(t, x); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	s := &x.After.Frames.Sides[ws.Server]
	if fault := s.Fault(ws.FaultAfterClose); fault == nil || fault.Offset != int64(len(down)-3) || s.Fault(ws.FaultOrder) == nil {
		t.Errorf("faults: %+v", s.Faults)
	}
}

func TestFramesAreNotReadForABackendThatSaysSo(t *testing.T) {
	r := relay(t, func(r *Relay) { r.Backend.NoFrames = true })
	client, backend := r.switchedOver()
	send(t, backend, "\x83\x00")
	expect(t, client, "\x83\x00")
	backend.Close()
	expectEnd(t, client, "")
	client.Close()
	x := r.await("the end", func(all []*wire.Exchange) bool { return len(all) == 1 && all[0].Final })[0]
	if x.After.Frames != nil {
		t.Errorf("%+v", x.After.Frames)
	}
}
