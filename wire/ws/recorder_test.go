package ws

import (
	"bytes"
	"compress/flate"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"
)

// keeping returns a reader that keeps messages.
func keeping(k Keep, contexts [2]Context) *Reader {
	r := NewReader(Terms{Deflate: true}, 0)
	r.Keep(&k, contexts, 0)
	return r
}

// A deflater compresses the messages of one side.
type deflater struct {
	b bytes.Buffer
	w *flate.Writer
}

func newDeflater() *deflater {
	d := new(deflater)
	d.w, _ = flate.NewWriter(&d.b, flate.BestCompression)
	return d
}

// message compresses a message as RFC 7692 §7.2.1 says, with what came before as its context.
func (d *deflater) message(text string) string {
	d.b.Reset()
	_, _ = d.w.Write([]byte(text))
	_ = d.w.Flush()
	return strings.TrimSuffix(d.b.String(), "\x00\x00\xff\xff")
}

// alone compresses a message without a context.
func alone(text string) string { return newDeflater().message(text) }

// lines are the messages as text, one a line.
func lines(m *Messages) string {
	var b strings.Builder
	for _, k := range m.Kept {
		fmt.Fprintf(&b, "%v %v %q", k.From, k.Kind, k.Data)
		if k.Shape != "" {
			fmt.Fprintf(&b, " shape %s", k.Shape)
		}
		if k.Cut != Whole {
			fmt.Fprintf(&b, " cut %v", k.Cut)
		}
		fmt.Fprintf(&b, " %d/%d/%d\n", k.Size, k.Sent, k.Frames)
	}
	return b.String()
}

func TestMessagesAreKept(t *testing.T) {
	all := []said{
		{Client, client(0x81, `{"token":"abc"}`) + client(0x89, "ping")},
		{Server, server(0x8a, "ping") + server(0x02, "ab")},
		{Client, client(0x81, "")},
		{Server, server(0x89, "") + server(0x00, "c") + server(0x80, "d")},
		{Server, server(0x82, strings.Repeat("x", 70_000)) + server(0x81, strings.Repeat("\u20ac", 3000))},
		{Client, client(0x88, "\x03\xe8bye")},
		{Server, server(0x88, "") + server(0x01, "open")},
	}
	for _, data := range []bool{true, false} {
		r := keeping(Keep{Data: data}, [2]Context{})
		for i, s := range all {
			r.Feed(s.from, []byte(s.text), time.Duration(i)*time.Second)
		}
		long, euros := strings.Repeat("x", MessageBytes), strings.Repeat("\u20ac", MessageBytes/3)
		want := `client text "{\"token\":\"abc\"}" 15/15/1
client ping "ping" 4/4/1
server pong "ping" 4/4/1
client text "" 0/0/1
server ping "" 0/0/1
server binary "abcd" 4/4/3
server binary "` + long + `" cut long 70000/70000/1
server text "` + euros + `" cut long 9000/9000/1
client close "\x03\xe8bye" 5/5/1
server close "" 0/0/1
server text "open" cut end -1/4/1
`
		if !data {
			want = `client text "" shape {"token": string} 15/15/1
client ping "" 4/4/1
server pong "" 4/4/1
client text "" 0/0/1
server ping "" 0/0/1
server binary "" 4/4/3
server binary "" 70000/70000/1
server text "" cut long 9000/9000/1
client close "" shape code 1000 5/5/1
server close "" 0/0/1
server text "" cut end -1/4/1
`
		}
		m := r.Messages()
		if got := lines(m); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
		for i := range m.Kept {
			if (m.Kept[i].Data != nil) != data {
				t.Errorf("message %d: %v", i, m.Kept[i].Data)
			}
		}
		if at := m.Kept[5].At; at != 3*time.Second {
			t.Errorf("a message of several frames came at %v", at)
		}
	}
	if NewReader(Terms{}, 0).Messages() != nil {
		t.Error("messages are kept, but nobody wants them")
	}
}

func TestCompressedMessagesAreRead(t *testing.T) {
	const text = `{"type":"message","text":"the same words again and again"}`
	up, down := newDeflater(), newDeflater()
	r := keeping(Keep{Data: true}, [2]Context{Server: {NoTakeover: true}})
	for i := range 3 {
		r.Feed(Client, []byte(client(0xc1, up.message(text+fmt.Sprint(i)))), 0)
		r.Feed(Server, []byte(server(0xc1, alone(text+fmt.Sprint(i)))), 0)
	}
	both := up.message(text + "!")
	if len(both) > 12 {
		t.Fatalf("the context is not used: %d bytes", len(both))
	}
	r.Feed(Client, []byte(client(0x41, both[:3])+client(0x89, "")+client(0x80, both[3:])+client(0x81, "plain")+client(0xc2, up.message("\xff\x00"))), 0)
	r.Feed(Server, []byte(server(0xc1, down.message(""))+server(0xc1, "\xf3\x48\xcd\xc9\xc9\x07\x00\x00")+server(0xc1, "\x00")), 0)
	var got []string
	for _, m := range r.Messages().Kept {
		got = append(got, string(m.Data))
		if m.Cut != Whole || m.Size != int64(len(m.Data)) {
			t.Errorf("%+v", m)
		}
	}
	want := []string{text + "0", text + "0", text + "1", text + "1", text + "2", text + "2", "", text + "!", "plain", "\xff\x00", "", "Hello", ""}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %q", got)
	}
	f := r.Facts()
	if c := f.Sides[Client]; c.Unchecked != 0 || c.Compressed != 5 || len(c.Faults) > 0 {
		t.Errorf("%+v", c)
	}
}

func TestCompressedTextIsCheckedAsUTF8(t *testing.T) {
	r := keeping(Keep{}, [2]Context{})
	d := newDeflater()
	first, second := server(0xc1, d.message("\u20ac\u20ac")), server(0xc1, d.message("\u20ac\xe2\x82"))
	r.Feed(Server, []byte(first+second), 0)
	s := r.Facts().Sides[Server]
	if f := s.Fault(FaultText); f == nil || f.Frame != 2 || f.Offset != int64(len(first)) || s.Unchecked != 0 {
		t.Errorf("%+v", s)
	}
}

// TestBombsAreCut checks messages that decompress to very much, and that later ones cost nothing.
func TestBombsAreCut(t *testing.T) {
	zeros := strings.Repeat("\x00", maxInflated+1)
	for name, contexts := range map[string][2]Context{"with a context": {}, "without one": {{NoTakeover: true}, {NoTakeover: true}}} {
		memory := &Memory{Limit: 1 << 20}
		r := keeping(Keep{Data: true, Memory: memory}, contexts)
		bomb := []byte(client(0xc2, alone(zeros)))
		r.Feed(Client, bomb, 0)
		before := r.sides[Client].recorder.sides[Client].out
		for range 100 {
			r.Feed(Client, bomb, 0)
		}
		r.Feed(Client, []byte(client(0x81, "plain")), 0)
		side, m := &r.sides[Client].recorder.sides[Client], r.Messages().Kept
		if len(m) < 10 || m[0].Cut != CutRatio || m[len(m)-2].Cut != CutRatio || m[len(m)-2].Data != nil || string(m[len(m)-1].Data) != "plain" {
			t.Fatalf("%s: %s", name, lines(r.Messages()))
		}
		if side.out != before || side.out > freeRatio+maxRatio*int64(len(bomb))+1<<13 || side.window != nil {
			t.Errorf("%s: %d bytes, and then %d", name, before, side.out)
		}
		if r.Release(); memory.Used() != 0 {
			t.Errorf("%s: %d bytes are in use at the end", name, memory.Used())
		}
	}
}

// TestUnreadableMessagesAreSaid checks compressed messages that cannot be read, and those after them.
func TestUnreadableMessagesAreSaid(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	noise := make([]byte, maxDeflated+10)
	for i := range noise {
		noise[i] = byte(random.Uint32())
	}
	for name, test := range map[string]struct {
		message  string
		cut      Cut
		then, or Cut // with and without a context
		data     int
	}{
		"no deflate":   {"\xff\xff\xff", CutCorrupt, CutContext, Whole, 0},
		"too long":     {alone(string(noise)), CutLong, CutContext, Whole, MessageBytes},
		"many streams": {strings.Repeat("\x03\x00", 1000), CutCorrupt, CutContext, Whole, 0},
	} {
		for _, alone := range []bool{false, true} {
			r := keeping(Keep{Data: true}, [2]Context{Server: {NoTakeover: alone}})
			r.Feed(Server, []byte(server(0xc2, test.message)+server(0xc1, newDeflater().message("next"))), 0)
			then := test.then
			if alone {
				then = test.or
			}
			m := r.Messages().Kept
			if len(m) != 2 || m[0].Cut != test.cut || m[0].Size != SizeUnknown || len(m[0].Data) != test.data || m[1].Cut != then || (string(m[1].Data) == "next") != alone {
				t.Errorf("%s: %v\n%.300s", name, alone, lines(r.Messages()))
			}
		}
	}
	r := NewReader(Terms{Deflate: true, Other: true}, 0)
	r.Keep(&Keep{Data: true}, [2]Context{}, 0)
	r.Feed(Client, []byte(client(0xc1, alone("a"))), 0)
	if m := r.Messages().Kept; len(m) != 1 || m[0].Cut != CutCorrupt {
		t.Errorf("with another extension: %s", lines(r.Messages()))
	}
}

// TestTunnelsKeepTheLastMessages checks the bounds of a tunnel and of all tunnels.
func TestTunnelsKeepTheLastMessages(t *testing.T) {
	memory := &Memory{Limit: 1 << 20}
	var readers []*Reader
	for range 40 {
		r := keeping(Keep{Data: true, Memory: memory}, [2]Context{})
		readers = append(readers, r)
		for i := range 2000 {
			r.Feed(Server, []byte(server(0x81, fmt.Sprintf("%0200d", i))), 0)
			r.Feed(Client, []byte(client(0x8a, "")), 0)
		}
		m := r.Messages()
		if n := m.Bytes(); n > TunnelBytes {
			t.Fatalf("%d bytes of messages", n)
		}
		if m.Dropped[Client]+m.Dropped[Server]+int64(len(m.Kept)) != 4000 {
			t.Fatalf("%v dropped, %d kept", m.Dropped, len(m.Kept))
		}
		if memory.Used() > memory.Limit {
			t.Fatalf("%d bytes in use", memory.Used())
		}
	}
	if first := readers[0].Messages(); first.Bytes() < TunnelBytes*9/10 || string(first.Kept[len(first.Kept)-2].Data) != fmt.Sprintf("%0200d", 1999) {
		t.Errorf("%d bytes: %.300s", first.Bytes(), lines(first))
	}
	if last := readers[39].Messages(); len(last.Kept) > 1 {
		t.Errorf("%d messages although there is no memory", len(last.Kept))
	}
	for _, r := range readers {
		r.Release()
	}
	if memory.Used() != 0 {
		t.Errorf("%d bytes are in use at the end", memory.Used())
	}
}

// TestHugeMessagesTakeLittle checks frames of 2^40 bytes and messages without an end.
func TestHugeMessagesTakeLittle(t *testing.T) {
	for _, first := range []string{"\x82", "\x81", "\xc2", "\xc1"} {
		memory := new(Memory)
		r := keeping(Keep{Data: true, Memory: memory}, [2]Context{})
		r.Feed(Server, []byte(first+"\x7f\x00\x00\x01\x00\x00\x00\x00\x00"), 0)
		if memory.Used() > 0 {
			t.Errorf("%q: %d bytes are taken for a length", first, memory.Used())
		}
		piece := make([]byte, 1<<19)
		r.Feed(Server, piece, 0)
		if n := r.Skippable(Server); n != 1<<40-1<<19 {
			t.Errorf("%q: %d bytes can be skipped", first, n)
		}
		r.Skip(Server, math.MaxInt64, 0)
		if m := r.Messages().Kept; len(m) != 1 || m[0].Sent != 1<<40 || m[0].Cut == Whole || memory.Used() > 2*MessageBytes {
			t.Errorf("%q: %d bytes in use, %.200s", first, memory.Used(), lines(r.Messages()))
		}
	}
	for _, first := range []byte{0x01, 0x41} {
		memory := new(Memory)
		r := keeping(Keep{Data: true, Memory: memory}, [2]Context{})
		r.Feed(Server, []byte(server(first, "a")), 0)
		more := []byte(strings.Repeat(server(0x00, "aaaa"), 1000))
		for range 1000 {
			r.Feed(Server, more, 0)
		}
		if n := testing.AllocsPerRun(100, func() { r.Feed(Server, more, 0) }); n != 0 {
			t.Errorf("%v allocations", n)
		}
		if m := r.Messages().Kept; len(m) != 1 || m[0].Cut != CutEnd || memory.Used() > 2*MessageBytes || m[0].Frames < 1_000_000 {
			t.Errorf("%d bytes in use, %.200s", memory.Used(), lines(r.Messages()))
		}
	}
}

// FuzzMessages checks that messages do not depend on how the bytes are split or which of them are
// skipped, that they are bounded, and that reading them for others changes no fact.
func FuzzMessages(f *testing.F) {
	d := newDeflater()
	f.Add(byte(0), uint64(1), encode(said{Client, client(0x81, "hello") + client(0x89, "a")}, said{Server, server(0x8a, "a") + server(0x88, "\x03\xe8bye")}))
	f.Add(byte(1), uint64(2), encode(said{Client, client(0x41, d.message("hello")[:2]) + client(0x89, "a") + client(0x80, "b")}, said{Server, server(0x01, "\xe2\x82") + server(0x80, "\xac") + server(0xc1, alone("hello"))}))
	f.Add(byte(3), uint64(3), encode(said{Server, server(0x82, strings.Repeat("x", 9000)) + server(0x01, "a") + server(0x01, "b") + server(0x80, "c")}))
	f.Add(byte(0), uint64(4), encode(said{Client, client(0xc1, alone(`{"a":1}`)) + client(0xc1, alone(`{"a":1}`)) + client(0xc1, "\xff")}))
	f.Add(byte(2), uint64(5), encode(said{Server, server(0xc2, alone(strings.Repeat("a", 100_000))) + server(0xc1, alone("\xff"))}))
	f.Fuzz(func(t *testing.T, options byte, seed uint64, b []byte) {
		random := rand.New(rand.NewPCG(seed, 1))
		keep := Keep{Data: options&1 != 0, Message: 64, Tunnel: 1 << 10}
		contexts := [2]Context{{NoTakeover: options&2 != 0}, {WindowBits: options >> 2 & 15}}
		memories := [3]*Memory{new(Memory), new(Memory), new(Memory)}
		var readers [3]*Reader // whole, split, skipping
		for i := range readers {
			keep.Memory = memories[i]
			readers[i] = keeping(keep, contexts)
		}
		for at := time.Duration(0); len(b) > 0; at += time.Second {
			from, n := Side(b[0]>>7), min(int(b[0]&127), len(b)-1)
			p := b[1 : 1+n]
			b = b[1+n:]
			readers[0].Feed(from, p, at)
			for i := range p {
				readers[1].Feed(from, p[i:i+1], at)
			}
			for len(p) > 0 {
				skip := int(min(readers[2].Skippable(from), int64(len(p))))
				if readers[2].Skip(from, int64(skip), at); skip == 0 {
					skip = 1 + random.IntN(len(p))
					readers[2].Feed(from, p[:skip], at)
				}
				p = p[skip:]
			}
		}
		want, facts := readers[0].Messages(), readers[0].Facts()
		for i, r := range readers {
			if got := r.Messages(); !reflect.DeepEqual(got, want) {
				t.Fatalf("%d:\n got %s\nwant %s", i, lines(got), lines(want))
			}
			if got := r.Facts(); !reflect.DeepEqual(got, facts) {
				t.Fatalf("%d:\n got %+v\nwant %+v", i, got, facts)
			}
			const most = 1<<10 + 2*(64+messageBytes) + 2*(maxDeflated+2<<15)
			if r.Release(); memories[i].Used() != 0 || want.Bytes() > most {
				t.Fatalf("%d: %d bytes in use, %d of messages", i, memories[i].Used(), want.Bytes())
			}
		}
		for _, m := range want.Kept {
			if len(m.Data) > 64 && !m.Kind.control() || !keep.Data && m.Data != nil || m.Cut == Whole && m.Size < 0 {
				t.Fatalf("%+v", m)
			}
		}
	})
}
