package proxy

import (
	"io"
	"net"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/wire"
	"github.com/interlock-proxy/interlock/wire/ws"
)

// many is how many frames pass through one tunnel.
const many = 1_000_000

// TestEndlessTunnelsTakeNoMemory passes a million frames, a message of a million fragments, and part
// of a frame of 2^40 bytes through tunnels, from either side.
func TestEndlessTunnelsTakeNoMemory(t *testing.T) {
	type endless struct {
		first, again string // heads of a server's frames with a byte of payload
		want         ws.Sent
	}
	for name, test := range map[string]endless{
		"frames": {"\x82\x01", "\x82\x01", ws.Sent{
			Frames: [ws.Kinds]ws.Count{ws.Binary: {Frames: 1 + many, Bytes: 1 + many}}, Messages: 1 + many, LargestFrame: 1, LargestMessage: 1, MostFragments: 1,
		}},
		"fragments": {"\x01\x01", "\x00\x01", ws.Sent{
			Frames:       [ws.Kinds]ws.Count{ws.Text: {Frames: 1, Bytes: 1}, ws.Continuation: {Frames: many, Bytes: many}},
			LargestFrame: 1, LargestMessage: 1 + many, MostFragments: 1 + many, Fragmented: 1, Open: true,
		}},
		"a tebibyte": {"\x82\x7f\x00\x00\x01\x00\x00\x00\x00\x00", "", ws.Sent{
			Frames: [ws.Kinds]ws.Count{ws.Binary: {Frames: 1, Bytes: 1 + many}}, LargestFrame: 1 << 40, LargestMessage: 1 << 40, MostFragments: 1, Cut: true, Open: true,
		}},
	} {
		for _, from := range []ws.Side{ws.Client, ws.Server} {
			t.Run(name+" of the "+from.String(), func(t *testing.T) {
				flows(t, from, framed(from, test.first), framed(from, test.again), test.want)
			})
		}
	}
}

// framed returns a frame with that head and a byte of payload as a side sends it, or only that byte if
// the head is empty.
func framed(from ws.Side, head string) string {
	if from == ws.Client && head != "" {
		head = head[:1] + string([]byte{head[1] | 0x80}) + head[2:] + "abcd"
	}
	return head + "x"
}

// flows sends one text and then another one many times, and wants those facts.
func flows(t *testing.T, from ws.Side, first, again string, want ws.Sent) {
	r := relay(t, nil)
	client, backend := r.switchedOver()
	sends, receives := backend, client
	if from == ws.Client {
		sends, receives = client, backend
	}
	pass(t, sends, receives, first+strings.Repeat(again, many/100))
	before := inUse()
	for range 99 {
		pass(t, sends, receives, strings.Repeat(again, many/100))
	}
	if grown := inUse() - before; grown > 256<<10 {
		t.Errorf("%d bytes more are in use after %d frames", grown, many)
	}
	client.Close()
	expectEnd(t, backend, "")
	backend.Close()
	x := r.await("the end", func(all []*wire.Exchange) bool { return len(all) == 1 && all[0].Final })[0]
	got := x.After.Frames.Sides[from]
	want.Read, want.RepeatedKeys = int64(len(first)+many*len(again)), got.RepeatedKeys
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
}

// pass sends text and waits until the other end has it.
func pass(t *testing.T, from, to net.Conn, text string) {
	t.Helper()
	sent := saying(from, text)
	if _, err := io.CopyN(io.Discard, to, int64(len(text))); err != nil {
		t.Fatal(err)
	}
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
}

// inUse returns how much of the heap is in use.
func inUse() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // the second collection empties the pools
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
