package wire

import (
	"testing"
	"time"
)

const (
	asked    = "GET /chat HTTP/1.1\r\nHost: staging.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
	switched = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
)

// scan reads one head without a body.
func scan(tb testing.TB, s *Scanner, h *Head, head []byte) {
	n, e := s.Scan(head, h)
	if e != EventHead || n != len(head) {
		tb.Fatalf("got event %d after %d bytes", e, n)
	}
	s.Frame(Framing{})
	if _, e = s.Scan(nil, h); e != EventEnd {
		tb.Fatalf("got event %d, want the end", e)
	}
}

func BenchmarkScanner(b *testing.B) {
	for name, head := range map[string]string{"ordinary": plain, "offer": asked} {
		b.Run(name, func(b *testing.B) {
			s, h, head := Scanner{Pool: new(Pool)}, Head{}, []byte(head)
			b.ReportAllocs()
			b.SetBytes(int64(len(head)))
			for b.Loop() {
				scan(b, &s, &h, head)
				h = h.spare()
			}
		})
	}
}

// say feeds chunks to a conversation.
func say(c *Conversation, common *Common, said []Chunk) {
	c.Open(common)
	for _, chunk := range said {
		c.Feed(chunk.From, chunk.Bytes, start)
		c.Wrote(chunk.From, len(chunk.Bytes))
	}
}

// switchOver feeds chunks to a new conversation and ends it.
func switchOver(common *Common, said []Chunk) {
	var c Conversation
	say(&c, common, said)
	c.Ended(FromClient, start)
	c.Settle(CauseClient, start.Add(time.Second))
}

// saying returns the chunks of a handshake and its first frame.
func saying() []Chunk {
	return []Chunk{{From: FromClient, Bytes: []byte(asked)}, {From: FromServer, Bytes: []byte(switched)}, {From: FromClient, Bytes: []byte("\x81\x82\x00\x00\x00\x00hi")}}
}

// silent returns a Common that drops every report.
func silent() *Common {
	return &Common{Pool: new(Pool), Counts: new(Counts), Emit: func(*Exchange) {}}
}

func BenchmarkConversation(b *testing.B) {
	b.Run("ordinary", func(b *testing.B) {
		var c Conversation
		c.Open(silent())
		q, p := []byte(plain), []byte(answer)
		b.ReportAllocs()
		for b.Loop() {
			c.Feed(FromClient, q, start)
			c.Feed(FromServer, p, start)
		}
	})
	b.Run("handshake", func(b *testing.B) {
		common, said := silent(), saying()
		b.ReportAllocs()
		for b.Loop() {
			switchOver(common, said)
		}
	})
	b.Run("tunnel", func(b *testing.B) { // idle between iterations
		common, said := silent(), saying()
		b.ReportAllocs()
		for b.Loop() {
			var c Conversation
			say(&c, common, said)
			c.Tick(start.Add(AftermathFor))
			c.Settle(CauseClient, start.Add(time.Hour))
		}
	})
}

// TestAllocationsAreFew checks that scanning a head does not allocate, and that a handshake
// allocates little from its first byte to the end of its tunnel.
func TestAllocationsAreFew(t *testing.T) {
	s, h := Scanner{Pool: new(Pool)}, Head{}
	head := []byte(asked)
	scan(t, &s, &h, head)
	if n := testing.AllocsPerRun(1000, func() {
		h = h.spare()
		scan(t, &s, &h, head)
	}); n != 0 && !raced {
		t.Errorf("%v allocations in a head, want none", n)
	}
	const most = 16
	common, said := silent(), saying()
	if n := testing.AllocsPerRun(1000, func() { switchOver(common, said) }); n > most && !raced {
		t.Errorf("%v allocations in a handshake, want at most %d", n, most)
	}
	const rest = 3 // the exchange that is reported, the facts of its frames, and its packed form
	tick := func(after time.Duration) float64 {
		return testing.AllocsPerRun(1000, func() {
			var c Conversation
			say(&c, common, said)
			c.Tick(start.Add(after))
		})
	}
	if n := tick(AftermathFor) - tick(0); n > rest && !raced {
		t.Errorf("%v allocations until a tunnel is at rest, want at most %d", n, rest)
	}
}
