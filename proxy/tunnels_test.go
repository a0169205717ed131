package proxy

import (
	"fmt"
	"net"
	"slices"
	"testing"

	"golang.org/x/net/http2"

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

// TestOpenTunnelsOfHTTP2AreShown opens two tunnels on a connection of HTTP/2, and one on a connection that was upgraded
// to h2c, which is a tunnel too.
func TestOpenTunnelsOfHTTP2AreShown(t *testing.T) {
	onBothDrivers(t, func(t *testing.T, driver func(*Relay)) {
		r := relay(t, driver)
		say := func(from, to net.Conn, p string) {
			send(t, from, p)
			expect(t, to, p)
		}
		open := func(up, down *speaker, client, backend net.Conn, streams ...uint32) {
			for _, id := range streams {
				up.connect(id, fmt.Sprintf("/%d", id))
				say(client, backend, up.said())
				down.head(id, ":status 200")
				say(backend, client, down.said())
			}
		}
		up, down := newSpeaker(), newSpeaker()
		up.WriteString(http2.ClientPreface)
		_ = up.WriteSettings()
		client := r.dial()
		send(t, client, up.String())
		backend := r.accept()
		expect(t, backend, up.said())
		say(backend, client, http2Settings)
		open(up, down, client, backend, 1, 3)
		const offer = "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAUA____\r\n\r\n"
		upgraded := r.dial()
		send(t, upgraded, offer)
		far := r.accept()
		expect(t, far, offer)
		say(far, upgraded, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"+http2Settings)
		up2, down2 := newSpeaker(), newSpeaker()
		say(upgraded, far, http2.ClientPreface+http2Settings)
		open(up2, down2, upgraded, far, 3)
		all, n := r.Tunnels(9)
		if n != 4 || len(all) != 4 {
			t.Fatalf("%d of %d tunnels", len(all), n)
		}
		_ = up.WriteData(3, false, []byte("\x81\x85abcdhello"))
		say(client, backend, up.said())
		found := false
		for _, x := range all {
			if x.Request.Target != "/3" || x.Stream == nil || x.Stream.Connection == nil || x.Stream.Connection.Streams != 2 || x.Stream.Connection.Client.Connect != nil {
				continue
			}
			now := r.Tunnel(x.ID)
			found = now != nil && now.After.ClientBytes == 11 && now.After.Frames.Sides[ws.Client].Frames[ws.Text].Bytes == 5
		}
		if !found {
			t.Error("what the client has sent in the tunnel is not shown")
		}
		_ = up.WriteRSTStream(3, http2.ErrCodeCancel)
		say(client, backend, up.said())
		if _, n := r.Tunnels(9); n != 3 {
			t.Errorf("%d tunnels after the end of one", n)
		}
		for _, conn := range []net.Conn{client, upgraded, backend, far} {
			conn.Close()
		}
		r.await("the end of all", func(all []*wire.Exchange) bool {
			return len(all) == 4 && !slices.ContainsFunc(all, func(x *wire.Exchange) bool { return !x.Final })
		})
		if _, n := r.Tunnels(9); n != 0 {
			t.Errorf("%d tunnels are open at the end", n)
		}
	})
}
