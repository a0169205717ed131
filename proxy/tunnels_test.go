package proxy

import (
	"slices"
	"testing"

	"github.com/interlock-proxy/interlock/wire"
	"github.com/interlock-proxy/interlock/wire/ws"
)

func TestOpenTunnelsAreShown(t *testing.T) {
	for name, driver := range drivers {
		t.Run(name, func(t *testing.T) { openTunnelsAreShown(t, driver) })
	}
	t.Run("loops", func(t *testing.T) { openTunnelsAreShown(t, nil) })
}

func openTunnelsAreShown(t *testing.T, driver func(*Relay)) {
	r := relay(t, driver)
	if all, open := r.Tunnels(9); open != 0 || len(all) != 0 {
		t.Fatalf("%d tunnels before the first", open)
	}
	idle := r.dial() // is no tunnel
	client, backend := r.switchedOver()
	second, _ := r.switchedOver()
	r.await("two tunnels", func(all []*wire.Exchange) bool { return len(all) == 2 })
	send(t, client, "\x81\x85abcdhello"+"\x89\x80abcd")
	expect(t, backend, "\x81\x85abcdhello"+"\x89\x80abcd")
	var x *wire.Exchange
	within(t, func() bool {
		all, open := r.Tunnels(9)
		if len(all) != 2 || open != 2 {
			t.Fatalf("%d of %d tunnels", len(all), open)
		}
		if all[0].Time.Before(all[1].Time) {
			t.Fatal("the latest is not the first")
		}
		x = all[1]
		return x.After.ClientBytes == 17
	}, func() string { return "the bytes of the client are not there" })
	if s := x.After.Frames.Sides[ws.Client]; s.Frames[ws.Text] != (ws.Count{Frames: 1, Bytes: 5}) || s.Pings.Waiting != 1 || x.After.Ended || x.Final {
		t.Errorf("%+v", s)
	}
	if again := r.Tunnel(x.ID); again == nil || again.ID != x.ID || again.After.Frames.Sides[ws.Client].Messages != 1 {
		t.Errorf("the tunnel of %s is %+v", x.ID, again)
	}
	if all, open := r.Tunnels(1); len(all) != 1 || open != 2 || all[0].ID == x.ID {
		t.Errorf("%d of %d tunnels", len(all), open)
	}
	client.Close()
	backend.Close()
	r.await("an end", func(all []*wire.Exchange) bool { return all[0].Final || all[1].Final })
	within(t, func() bool { return r.Tunnel(x.ID) == nil }, func() string { return "a tunnel that is over is shown" })
	second.Close()
	idle.Close()
}

// TestTunnelsAreShownWhileTheyComeAndGo asks again and again.
func TestTunnelsAreShownWhileTheyComeAndGo(t *testing.T) {
	r := relay(t, nil)
	over, asked := make(chan struct{}), make(chan struct{})
	go func() {
		for {
			r.Tunnels(4)
			select {
			case <-over:
				close(asked)
				return
			default:
			}
		}
	}()
	for range 40 {
		client, backend := r.switchedOver()
		client.Close()
		backend.Close()
	}
	close(over)
	<-asked
	r.await("all ends", func(all []*wire.Exchange) bool {
		return len(all) == 40 && !slices.ContainsFunc(all, func(x *wire.Exchange) bool { return !x.Final })
	})
	if _, open := r.Tunnels(4); open != 0 {
		t.Errorf("%d tunnels are open", open)
	}
}
