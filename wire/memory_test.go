package wire

import (
	"bytes"
	"math/rand/v2"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"
	"unsafe"
)

// tunnels returns conversations that reach a 101, including shapes that the rulebook's corpus
// lacks.
func tunnels(t testing.TB) map[string]*Transcript {
	all := corpus(t)
	for name, transcript := range contents() {
		all[name] = transcript
	}
	long := strings.Repeat("x", MaxRecorded+1)
	for name, chunks := range map[string][]string{
		"frames both ways":    {handshake, switching, "a", "b", "c", "d", long, long, "e", "f"},
		"the server alone":    {handshake, switching + long},
		"a word and much":     {handshake, switching, "a", long},
		"server first":        {handshake, switching + "hello", "late", long, long},
		"a long head":         {strings.Replace(handshake, "\r\n\r\n", "\r\nA: "+strings.Repeat("x", maxPacked)+"\r\n\r\n", 1), switching, "a", "b"},
		"early":               {handshake + "early", switching, "more"},
		"late in pieces":      {handshake, switching, "1", "2", "3", "4", "5", "6", long},
		"interim":             {handshake, "HTTP/1.1 103 Early Hints\r\n\r\n" + switching, "a", "b"},
		"ambiguous":           {strings.Replace(handshake, "\r\n\r\n", "\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", 1), switching, "a", "b"},
		"half a head":         {handshake[:len(handshake)-2], switching, "a", "b"},
		"flawed":              {"\r\n" + strings.Replace(handshake, "Host:", "Host :", 1), strings.Replace(switching, "\r\n", "\n", 1) + "x", "a"},
		"not asked for":       {plain, switching, "a", "b"},
		"content and then it": {strings.Replace(handshake, "\r\n\r\n", "\r\nContent-Length: 9\r\n\r\n", 1), switching, "content ", "b", "!frame"},
		"faulty content":      {strings.Replace(handshake, "\r\n\r\n", "\r\nTransfer-Encoding: chunked\r\n\r\n", 1), switching, "5\r\n", "b", "no chunk"},
		"after a rejection":   {handshake, refusal, handshake, switching, "a", "b"},
		"after a long answer": {handshake, refusal + switching},
	} {
		transcript := new(Transcript)
		for i, text := range chunks {
			transcript.Add(Direction(i%2), []byte(text))
		}
		all[name] = transcript
	}
	return all
}

// packs plays a transcript with pauses of up to a few seconds; the seed decides how it ends. With
// kept, no exchange is packed. It also returns how often an exchange was packed.
func packs(t *testing.T, transcript *Transcript, seed uint64, kept bool) (reports []*Exchange, times int) {
	random := rand.New(rand.NewPCG(seed, 11))
	var c Conversation
	l := listen(&c)
	l.common.Route, l.common.Client, l.common.Backend, l.common.Altered = "r", "c", "b", []string{"host"}
	if seed&1 == 0 {
		l.common.Alter = &Alteration{Head: func(head []byte) []byte { return bytes.Replace(head, []byte("staging.test"), []byte("a"), 1) }}
	}
	if seed&6 == 0 {
		emit := l.common.Emit
		l.common.Emit = func(x *Exchange) { emit(x); c.Block(x) }
	}
	now := start
	step := func(do func()) {
		var x *Exchange
		if c.tunnel != nil {
			if x = c.tunnel.x; x != nil && x.packable() && !c.tunnel.lost {
				again := c.blank(x.Time)
				again.unpack(packed(x.pack(nil)), len(x.After.Client))
				client, server := again.After.Client, again.After.Server
				if again.After = x.After; !reflect.DeepEqual(again, x) || !bytes.Equal(client, x.After.Client) || !bytes.Equal(server, x.After.Server) {
					t.Fatalf("seed %d: packed and unpacked\n%+v has become\n%+v", seed, x, again)
				}
			}
		}
		do()
		if x != nil && c.tunnel.x == nil {
			if times++; kept {
				c.tunnel.x, c.tunnel.packed = x, ""
			}
		}
		now = now.Add(time.Duration(random.IntN(5)) * time.Second / 2)
	}
	for _, chunk := range transcript.Chunks {
		for p := chunk.Bytes; len(p) > 0; {
			n := 1 + random.IntN(len(p))
			step(func() { c.Feed(chunk.From, p[:n], now) })
			c.Wrote(chunk.From, n)
			step(func() { c.Tick(now) })
			p = p[n:]
		}
	}
	if d := Direction(random.IntN(2)); random.IntN(2) == 0 {
		step(func() { c.Ended(d, now) })
		bye := new(LastRead)
		bye.Keep([]byte("bye"), now)
		step(func() { c.Closing([2]*LastRead{FromServer: bye}, false) })
		step(func() { c.Feed(FromClient, []byte("after the end"), now) })
		step(func() { c.Tick(now) })
	}
	step(func() { c.Tick(now) })
	c.Settle(CauseServer, now)
	return l.reports, times
}

// TestPackingChangesNothing checks that each report is the same whether or not the exchange of the
// idle tunnel was packed meanwhile.
func TestPackingChangesNothing(t *testing.T) {
	all, far := 0, 0
	for name, transcript := range tunnels(t) {
		for seed := range uint64(6) {
			got, n := packs(t, transcript, seed, false)
			want, _ := packs(t, transcript, seed, true)
			if all += n; len(got) != len(want) {
				t.Fatalf("%s, seed %d: %d reports, want %d", name, seed, len(got), len(want))
			}
			for i := range want {
				if !reflect.DeepEqual(got[i], want[i]) {
					t.Fatalf("%s, seed %d, report %d:\n got %+v\nwant %+v", name, seed, i, got[i], want[i])
				}
			}
			if n > 0 && want[0].Far != nil {
				far++
			}
		}
	}
	if all < 150 || far < 25 {
		t.Errorf("only %d exchanges were packed, %d of them altered", all, far)
	}
}

// TestTunnelsAtRestAreSmall checks how many bytes a tunnel keeps, not counting its heads, its ID
// and the bytes after the 101.
func TestTunnelsAtRestAreSmall(t *testing.T) {
	const most, many = 420, 4000 // 176 of them are for frames
	if size := unsafe.Sizeof(Conversation{}); size > 96 {
		t.Errorf("a conversation takes %d bytes", size)
	}
	if raced {
		return // the race detector allocates memory of its own
	}
	common, said := silent(), saying()
	common.NewID = func(time.Time) string { return "01KAJ8Z4T5V6W7X8Y9Z0A1B2C3" }
	open := func(c *Conversation) {
		say(c, common, said)
		c.Tick(start.Add(AftermathFor))
	}
	recorded := len("01KAJ8Z4T5V6W7X8Y9Z0A1B2C3")
	for _, chunk := range said {
		recorded += len(chunk.Bytes)
	}
	open(new(Conversation))
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC() // the second collection empties the pools
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	held := make([]Conversation, many)
	for i := range held {
		open(&held[i])
	}
	each := int(heap()-before) / many
	for i := range held {
		if held[i].reading != nil || held[i].tunnel.x != nil {
			t.Fatal("a tunnel at rest is not packed")
		}
	}
	t.Logf("%d bytes a tunnel, %d of them recorded", each, recorded)
	if each > recorded+most {
		t.Errorf("%d bytes a tunnel, %d of them recorded; want at most %d more", each, recorded, most)
	}
}

// TestLongExchangesAreNotPacked checks that recording a byte never copies a long head.
func TestLongExchangesAreNotPacked(t *testing.T) {
	for length, want := range map[int]bool{0: true, maxPacked: false} {
		head := strings.Replace(handshake, "\r\n\r\n", "\r\nA: "+strings.Repeat("x", length)+"\r\n\r\n", 1)
		c, _ := conversation(t, ">"+head, "<"+switching)
		if c.Tick(start.Add(time.Minute)); (c.tunnel.x == nil) != want {
			t.Errorf("a head of %d bytes: packed %v", len(head), !want)
		}
	}
}
