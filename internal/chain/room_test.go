package chain

import (
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// strangers open a connection to a sink.
func strangers(t *testing.T, sink *Sink) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", sink.Addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(time.Minute))
	return conn
}

// TestFloodsOfRequestsAreNotKept sends more requests of strangers than are kept, and then one of our
// own.
func TestFloodsOfRequestsAreNotKept(t *testing.T) {
	const more = 500
	sink := listening(t)
	const request, answer = "GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nbody-"
	flood := func(n int) {
		conn := strangers(t, sink)
		go io.WriteString(conn, strings.Repeat(request, n))
		if _, err := io.CopyN(io.Discard, conn, int64(n*len(answer))); err != nil {
			t.Fatal(err)
		}
	}
	for range maxArrivals / 1000 {
		flood(1000)
	}
	flood(more)
	if got := sink.Dropped(); got != (Dropped{Requests: more}) {
		t.Errorf("got %+v", got)
	}
	id := newID()
	sink.plan(id, plan{})
	for range 2 {
		conn := strangers(t, sink)
		io.WriteString(conn, "GET /c/"+id+" HTTP/1.1\r\n\r\n")
		if _, err := io.CopyN(io.Discard, conn, int64(len(answer)+len(id))); err != nil {
			t.Fatal(err)
		}
	}
	sink.mu.Lock()
	all := len(sink.arrivals)
	sink.mu.Unlock()
	if n := len(sink.all(id)); n != 1 || all != maxArrivals+1 || sink.Dropped().Requests != more+1 {
		t.Errorf("%d of our own were kept, of %d, and %+v dropped", n, all, sink.Dropped())
	}
	sink.empty(0)
	if left := sink.room.left.Load(); left != maxKept {
		t.Errorf("%d bytes can be kept after the sink was emptied", left)
	}
}

// TestFloodsOfBytesAreNotKept sends more bytes on several connections than are kept.
func TestFloodsOfBytesAreNotKept(t *testing.T) {
	sink := listening(t)
	sink.room.left.Store(1 << 20)
	head := "POST / HTTP/1.1\r\nContent-Length: 1000000000\r\n\r\n" + strings.Repeat("x", 300_000)
	for range 5 {
		go io.WriteString(strangers(t, sink), head)
	}
	for deadline := time.Now().Add(time.Minute); sink.Dropped().Connections < 2; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("no connection was closed")
		}
	}
	kept := 0
	sink.mu.Lock()
	defer sink.mu.Unlock()
	for _, b := range sink.backends {
		in, _ := b.received()
		kept += len(in)
	}
	if kept > 1<<20 || kept < 500_000 {
		t.Errorf("%d bytes are kept", kept)
	}
}
