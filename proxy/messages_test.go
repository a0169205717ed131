package proxy

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/wire"
	"github.com/interlock-proxy/interlock/wire/ws"
)

// messages returns the messages of the exchange but their times, as text.
func messages(t *testing.T, x *wire.Exchange) string {
	t.Helper()
	if x.After.Messages == nil {
		t.Fatal("the messages were not kept")
	}
	m := ws.Messages{Dropped: x.After.Messages.Dropped}
	m.Append(x.After.Messages.Kept...)
	for i := range m.Kept {
		m.Kept[i].At = 0
	}
	text, err := json.Marshal(&m)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestMessagesOfTunnelsAreKept passes small and large messages through tunnels. The messages are those
// that reading every byte in order gives, and their memory is given back.
func TestMessagesOfTunnelsAreKept(t *testing.T) {
	for name, driver := range drivers {
		t.Run(name, func(t *testing.T) { messagesAreKept(t, driver) })
	}
	t.Run("loops", func(t *testing.T) { messagesAreKept(t, nil) })
}

func messagesAreKept(t *testing.T, driver func(*Relay)) {
	keep := &ws.Keep{Data: true, Memory: new(ws.Memory)}
	r := relay(t, func(r *Relay) {
		if driver != nil {
			driver(r)
		}
		r.Backend.Messages = keep
	})
	client, backend := r.switchedOver()
	up := strings.Repeat("\x81\x81abcd\x00", 600) + "\x82\xff\x00\x00\x00\x00\x00\x0a\x00\x00abcd" + bulk(0xa0000, 3) + "\x88\x82abcd\x62\x8a"
	sent := saying(client, up)
	expect(t, backend, up)
	down := sized(1<<20) + "\x89\x00" + sized(700_000) + "\x01\x03\xe2\x82\xac" + "\x80\x00\x88\x02\x03\xe8"
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
	want := messages(t, whole.Exchanges(wire.Common{Messages: &ws.Keep{Data: true}})[0])
	if got := messages(t, x); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	if n := len(x.After.Messages.Kept); n < 300 || x.After.Messages.Bytes() > ws.TunnelBytes || x.After.Messages.Dropped[ws.Client] == 0 {
		t.Errorf("%d messages in %d bytes, %v dropped", n, x.After.Messages.Bytes(), x.After.Messages.Dropped)
	}
	if n := keep.Memory.Used(); n != 0 {
		t.Errorf("%d bytes are in use at the end", n)
	}
}
