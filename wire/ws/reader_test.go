package ws

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"
	"unsafe"
)

// frame writes a frame: its first byte, masked with a key if that is not empty.
func frame(first byte, key, payload string) string {
	mask := byte(0)
	if key != "" {
		mask = bitMask
	}
	b := []byte{first}
	switch n := len(payload); {
	case n <= 125:
		b = append(b, mask|byte(n))
	case n <= math.MaxUint16:
		b = binary.BigEndian.AppendUint16(append(b, mask|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, mask|127), uint64(n))
	}
	b = append(b, key...)
	for i := range len(payload) {
		c := payload[i]
		if key != "" {
			c ^= key[i%4]
		}
		b = append(b, c)
	}
	return string(b)
}

// client writes a frame of a client with a key of its own.
func client(first byte, payload string) string {
	return frame(first, fmt.Sprintf("%04d", int(first)*7+len(payload)), payload)
}

// server writes a frame of a server.
func server(first byte, payload string) string { return frame(first, "", payload) }

const long = 200

// A said is what one side says.
type said struct {
	from Side
	text string
}

// read reads what was said, a second between each.
func read(terms Terms, all ...said) *Facts {
	r := NewReader(terms, 0)
	for i, s := range all {
		r.Feed(s.from, []byte(s.text), time.Duration(i)*time.Second)
	}
	return r.Facts()
}

// faults are the kinds of faults of a side, each with the number of its frame.
func faults(s *Sent) string {
	var all []string
	for _, f := range s.Faults {
		all = append(all, fmt.Sprintf("%v@%d:%d", f.Kind, f.Frame, f.Offset))
	}
	return strings.Join(all, " ")
}

func TestFaults(t *testing.T) {
	const text, binaryFrame, more, closing, ping = 0x81, 0x82, 0x80, 0x88, 0x89
	for name, test := range map[string]struct {
		from  Side
		terms Terms
		bytes string
		want  string
		lost  bool
	}{
		"sound client":              {Client, Terms{}, client(text, "hello") + client(ping, "a") + client(closing, "\x03\xe8bye"), "", false},
		"sound server":              {Server, Terms{}, server(text, "hällo") + server(1, "a") + server(ping, "x") + server(0, "b") + server(more, "c"), "", false},
		"unmasked":                  {Client, Terms{}, client(text, "a") + server(text, "b") + client(text, "c") + server(text, ""), "mask@2:7", false},
		"masked by the server":      {Server, Terms{}, client(text, "a"), "mask@1:0", false},
		"compressed, not agreed":    {Client, Terms{}, client(text, strings.Repeat("x", 2000)) + client(0xc1, "b"), "reserved-bits@2:2008", true},
		"compressed":                {Client, Terms{Deflate: true}, client(0x41, "\xff") + client(0x80, "\xff") + client(0xc2, "\xff"), "", false},
		"compressed continuation":   {Client, Terms{Deflate: true}, client(0x41, "a") + client(0xc0, "b"), "reserved-bits@2:7", true},
		"compressed ping":           {Server, Terms{Deflate: true}, server(0xc9, "a"), "reserved-bits@1:0", true},
		"other bits":                {Server, Terms{Deflate: true}, server(0xb1, "a"), "reserved-bits@1:0", true},
		"unknown extension":         {Server, Terms{Other: true}, server(0xb1, "a") + server(0x83, "a") + server(text, "b"), "reserved-bits@1:0 opcode@2:3", false},
		"opcode 3":                  {Server, Terms{}, server(0x83, "a"), "opcode@1:0", true},
		"opcode 11":                 {Server, Terms{}, server(text, "") + server(0x8b, ""), "opcode@2:2", true},
		"continuation of nothing":   {Server, Terms{}, server(more, "a") + server(text, "b"), "order@1:0", false},
		"after the end":             {Server, Terms{}, server(1, "a") + server(more, "b") + server(more, "c"), "order@3:6", false},
		"message inside another":    {Server, Terms{}, server(1, "a") + server(text, "b"), "order@2:3", false},
		"fragmented ping":           {Server, Terms{}, server(9, "a"), "control@1:0", false},
		"long ping":                 {Server, Terms{}, server(ping, strings.Repeat("x", 126)), "control@1:0", false},
		"longest ping":              {Server, Terms{}, server(ping, strings.Repeat("x", 125)), "", false},
		"length 5 in 16 bits":       {Server, Terms{}, "\x82\x7e\x00\x05hello", "length@1:0", false},
		"length 5 in 64 bits":       {Server, Terms{}, "\x82\x7f\x00\x00\x00\x00\x00\x00\x00\x05hello", "length@1:0", false},
		"length 65,535 in 64 bits":  {Server, Terms{}, "\x82\x7f\x00\x00\x00\x00\x00\x00\xff\xff", "length@1:0", false},
		"length 2^63":               {Server, Terms{}, "\x82\x7f\x80\x00\x00\x00\x00\x00\x00\x00", "length@1:0", true},
		"length 2^63-1":             {Server, Terms{}, "\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff", "", false},
		"text":                      {Client, Terms{}, client(text, "a\xc3(b"), "utf-8@1:0", false},
		"text that is cut":          {Client, Terms{}, client(text, "ok") + client(text, "a\xc3"), "utf-8@2:8", false},
		"text in fragments":         {Client, Terms{}, client(1, "a\xe2\x82") + client(ping, "\xff") + client(more, "\xac"), "", false},
		"long text":                 {Server, Terms{}, server(text, strings.Repeat("\xff", MaxChecked+1)), "", false},
		"not so long text":          {Server, Terms{}, server(text, strings.Repeat("x", MaxChecked-1)+"\xff"), "utf-8@1:0", false},
		"bytes":                     {Client, Terms{}, client(binaryFrame, "\xff"), "", false},
		"empty close":               {Client, Terms{}, client(closing, ""), "", false},
		"close of one byte":         {Client, Terms{}, client(closing, "\x03"), "close-body@1:0", false},
		"close 1005":                {Client, Terms{}, client(closing, "\x03\xed"), "close-code@1:0", false},
		"close 1006":                {Server, Terms{}, server(text, "a") + server(closing, "\x03\xee"), "close-code@2:3", false},
		"close with a wrong reason": {Server, Terms{}, server(closing, "\x03\xe8\xc3"), "close-reason@1:0", false},
		"data after close":          {Server, Terms{}, server(closing, "") + server(0x8a, "") + server(text, "abc"), "after-close@3:4", false},
		"too long close":            {Server, Terms{}, server(closing, "\x03\xe8"+strings.Repeat("é", 62)), "control@1:0", false},
		"an error page":             {Server, Terms{}, server(text, "a") + "HTTP/1.1 400 Bad Request\r\n", "reserved-bits@2:3 control@2:3", true},
		"a request":                 {Client, Terms{}, "GET / HTTP/1.1\r\n", "mask@1:0 reserved-bits@1:0 opcode@1:0", true},
	} {
		facts := read(test.terms, said{test.from, test.bytes})
		s := &facts.Sides[test.from]
		if got := faults(s); got != test.want || s.Lost != test.lost {
			t.Errorf("%s: got %q, lost %v; want %q, %v", name, got, s.Lost, test.want, test.lost)
		}
		if http := name == "an error page" || name == "a request"; s.HTTP != http {
			t.Errorf("%s: HTTP %v", name, s.HTTP)
		}
	}
}

// TestZerosAreNotFrames checks bytes that could be read as any number of empty frames.
func TestZerosAreNotFrames(t *testing.T) {
	r := NewReader(Terms{}, 0)
	r.Feed(Server, make([]byte, 1<<16), 0)
	f := r.Facts().Sides[Server]
	if !f.Lost || f.Read != 2*maxMisframed || r.Skippable(Server) != math.MaxInt64 {
		t.Errorf("%+v", f)
	}
}

func TestCloseCodes(t *testing.T) {
	sound := map[int]bool{1000: true, 1003: true, 1007: true, 1014: true, 3000: true, 4999: true}
	for _, code := range []int{0, 999, 1000, 1003, 1004, 1005, 1006, 1007, 1014, 1015, 1016, 2999, 3000, 4999, 5000, 65535} {
		if got := mayBeSent(code); got != sound[code] {
			t.Errorf("%d: got %v", code, got)
		}
	}
}

func TestCounts(t *testing.T) {
	facts := read(Terms{Deflate: true},
		said{Client, client(0x81, "hello") + frame(0x82, "\x00\x00\x00\x00", "ab") + frame(0x82, "\x00\x00\x00\x00", "c")},
		said{Server, server(0x01, "abc") + server(0x89, "") + server(0x00, "d") + server(0x80, "ef") + server(0xc1, "g")},
		said{Client, client(0x8a, "") + client(0x88, "\x03\xe8bye") + client(0x82, "late")},
		said{Server, server(0x88, "\x03\xe8") + "\x82"},
	)
	c, s := &facts.Sides[Client], &facts.Sides[Server]
	want := [2][Kinds]Count{
		{Text: {1, 5}, Binary: {3, 7}, Pong: {1, 0}, Close: {1, 5}},
		{Text: {2, 4}, Continuation: {2, 3}, Ping: {1, 0}, Close: {1, 2}},
	}
	if c.Frames != want[0] || s.Frames != want[1] {
		t.Errorf("got %v and %v", c.Frames, s.Frames)
	}
	if c.Messages != 4 || s.Messages != 2 || s.Fragmented != 1 || s.MostFragments != 3 || s.Compressed != 1 || s.Unchecked != 1 {
		t.Errorf("messages: %+v and %+v", c, s)
	}
	if c.LargestFrame != 5 || s.LargestFrame != 3 || s.LargestMessage != 6 || c.ZeroKeys != 2 || c.RepeatedKeys != 1 {
		t.Errorf("sizes and keys: %+v and %+v", c, s)
	}
	if got := s.Pings; got.Answered != 1 || got.Waiting != 0 || got.Shortest != time.Second || got.Longest != time.Second {
		t.Errorf("pings: %+v", got)
	}
	if got := *c.Close; got != (Closing{5, 1000, "bye", 2 * time.Second, 1, 4}) || s.Close.Code != 1000 || facts.ClosedFirst != Client {
		t.Errorf("close: %+v and %+v", got, s.Close)
	}
	if all := c.All(); all.Frames != 6 || all.Bytes != 17 || !s.Cut || c.Cut {
		t.Errorf("all: %+v, cut %v %v", all, c.Cut, s.Cut)
	}
}

func TestPings(t *testing.T) {
	ping, pong := func(data string) said { return said{Server, server(0x89, data)} }, func(data string) said { return said{Client, client(0x8a, data)} }
	for name, test := range map[string]struct {
		all                                 []said
		answered, waiting, unasked, foreign int64
	}{
		"one":              {[]said{ping("a"), pong("a")}, 1, 0, 0, 0},
		"none":             {[]said{ping("a"), ping("b")}, 0, 2, 0, 0},
		"the last of two":  {[]said{ping("a"), ping("b"), pong("b")}, 1, 0, 0, 0},
		"the first of two": {[]said{ping("a"), ping("b"), pong("a")}, 1, 1, 0, 0},
		"another's data":   {[]said{ping("a"), pong("b")}, 0, 1, 1, 1},
		"not asked for":    {[]said{pong("b"), pong("")}, 0, 0, 2, 0},
		"many":             {[]said{ping("1"), ping("2"), ping("3"), ping("4"), ping("5"), ping("6"), pong("4")}, 1, 2, 0, 0},
		"twice":            {[]said{ping("a"), pong("a"), pong("a")}, 1, 0, 1, 0},
		"the same data":    {[]said{ping(""), ping(""), pong(""), pong("")}, 1, 0, 1, 0},
	} {
		facts := read(Terms{}, test.all...)
		p, c := facts.Sides[Server].Pings, facts.Sides[Client]
		if p.Answered != test.answered || p.Waiting != test.waiting || c.UnaskedPongs != test.unasked || c.ForeignPongs != test.foreign {
			t.Errorf("%s: %+v, %d, %d", name, p, c.UnaskedPongs, c.ForeignPongs)
		}
	}
}

// TestPassedPings counts the frames that come while a Ping waits.
func TestPassedPings(t *testing.T) {
	facts := read(Terms{}, said{Server, server(0x89, "a")}, said{Client, client(0x8a, "a") + client(0x81, "x")},
		said{Server, server(0x89, "b")}, said{Client, client(0x81, "x") + client(0x8a, "c")})
	if p := facts.Sides[Server].Pings; p.Waiting != 1 || p.Passed != 2 || p.Since != 2*time.Second {
		t.Errorf("%+v", p)
	}
}

func TestIdle(t *testing.T) {
	r := NewReader(Terms{}, time.Second)
	r.Feed(Client, []byte("\x82"), 3*time.Second)
	r.Feed(Server, []byte("\x82"), 63*time.Second)
	r.Feed(Server, []byte("\x00"), 64*time.Second)
	if f := r.Facts(); f.Idle != time.Minute || f.IdleAt != 2*time.Second {
		t.Errorf("%v from %v", f.Idle, f.IdleAt)
	}
}

// TestHugeFrames checks frames that announce far more than anybody sends, and a control frame among
// them.
func TestHugeFrames(t *testing.T) {
	for _, first := range []string{"\x82", "\x81", "\x89", "\x88"} {
		r := NewReader(Terms{}, 0)
		r.Feed(Server, []byte(first+"\x7f\x00\x00\x01\x00\x00\x00\x00\x00"), 0)
		const size = 1 << 40
		piece := make([]byte, 1<<20)
		r.Feed(Server, piece, 0)
		if n := r.Skippable(Server); n != size-int64(len(piece)) {
			t.Errorf("%q: %d bytes can be skipped", first, n)
		}
		r.Skip(Server, math.MaxInt64, 0)
		r.Feed(Server, []byte(server(0x82, "hello")), 0)
		f := r.Facts().Sides[Server]
		if f.LargestFrame != size || f.All() != (Count{2, size + 5}) || f.Cut || f.Frames[Binary].Frames == 0 {
			t.Errorf("%q: %+v", first, f)
		}
	}
}

func TestEndlessFragments(t *testing.T) {
	r := NewReader(Terms{}, 0)
	r.Feed(Server, []byte(server(0x01, "a")), 0)
	more := []byte(strings.Repeat(server(0x00, "a"), 1000))
	feed := func() { r.Feed(Server, more, 0) }
	if n := testing.AllocsPerRun(1000, feed); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if f := r.Facts().Sides[Server]; f.MostFragments != 1001*1000+1 || f.LargestMessage != 1001*1000+1 || !f.Open || f.Messages != 0 {
		t.Errorf("%+v", f)
	}
}

func TestManyFramesAllocateNothing(t *testing.T) {
	r := NewReader(Terms{Deflate: true}, 0)
	up := []byte(client(0x81, "hello, world") + client(0x89, "ping") + client(0xc1, "x") + client(0x82, strings.Repeat("x", long)))
	down := []byte(server(0x81, "hällo, world") + server(0x8a, "ping") + server(0x01, "x") + server(0x80, "y") + server(0x82, strings.Repeat("x", long)))
	at := time.Duration(0)
	feed := func() {
		for range 1000 {
			at += time.Millisecond
			r.Feed(Client, up, at)
			r.Feed(Server, down, at)
		}
	}
	feed()
	if n := testing.AllocsPerRun(125, feed); n != 0 {
		t.Errorf("%v allocations", n)
	}
	f := r.Facts()
	if c, s := f.Sides[Client].All(), f.Sides[Server].All(); c.Frames != 127_000*4 || s.Frames != 127_000*5 || f.Sides[Client].Pings.Answered != 127_000 {
		t.Errorf("%+v, %+v", c, s)
	}
	if got := faults(&f.Sides[Client]) + faults(&f.Sides[Server]); got != "" {
		t.Error(got)
	}
}

func TestReaderIsSmall(t *testing.T) {
	if n := unsafe.Sizeof(Reader{}); n > 176 {
		t.Errorf("a reader takes %d bytes", n)
	}
}

// encode writes what was said as fuzz input: a byte with the side and a length up to 127, then the
// bytes.
func encode(all ...said) (b []byte) {
	for _, s := range all {
		for p := s.text; p != ""; {
			n := min(len(p), 127)
			b = append(append(b, byte(s.from)<<7|byte(n)), p[:n]...)
			p = p[n:]
		}
	}
	return b
}

// FuzzReader checks that the facts do not depend on how the bytes are split or which of them are
// skipped, as long as each comes at its time.
func FuzzReader(f *testing.F) {
	f.Add(byte(0), uint64(1), encode(said{Client, client(0x81, "hello") + client(0x89, "a")}, said{Server, server(0x8a, "a") + server(0x88, "\x03\xe8")}))
	f.Add(byte(1), uint64(2), encode(said{Client, client(0x41, "hello") + client(0x89, "a") + client(0x80, "b")}, said{Server, server(0x01, "\xe2\x82") + server(0x80, "\xac")}))
	f.Add(byte(0), uint64(3), encode(said{Server, server(0x82, strings.Repeat("x", 300)) + "HTTP/1.1 400 Bad\r\n"}, said{Client, "\r\nGET / HTTP/1.1\r\n"}))
	f.Add(byte(2), uint64(4), encode(said{Server, server(0x83, "abc") + server(0xf1, "x") + "\x89\x7e\x01\x00" + strings.Repeat("x", 256)}))
	f.Add(byte(0), uint64(5), encode(said{Server, server(0x88, "\x03") + server(0x81, "x")}, said{Client, client(0x88, "\x03\xee\xff") + client(0x88, "") + server(0x82, "y")}))
	f.Fuzz(func(t *testing.T, terms byte, seed uint64, b []byte) {
		random := rand.New(rand.NewPCG(seed, 1))
		agreed := Terms{Deflate: terms&1 != 0, Other: terms&2 != 0}
		whole, split, skipping := NewReader(agreed, 0), NewReader(agreed, 0), NewReader(agreed, 0)
		sum := [2]int64{}
		for at := time.Duration(0); len(b) > 0; at += time.Second {
			from, n := Side(b[0]>>7), min(int(b[0]&127), len(b)-1)
			p := b[1 : 1+n]
			b = b[1+n:]
			sum[from] += int64(n)
			whole.Feed(from, p, at)
			for i := range p {
				split.Feed(from, p[i:i+1], at)
			}
			for len(p) > 0 {
				skip := int(min(skipping.Skippable(from), int64(len(p))))
				if skip > 0 && random.IntN(2) == 0 {
					skip = 1 + random.IntN(skip)
				}
				if skipping.Skip(from, int64(skip), at); skip == 0 {
					skip = 1 + random.IntN(len(p))
					skipping.Feed(from, p[:skip], at)
				}
				p = p[skip:]
			}
		}
		want := whole.Facts()
		for name, r := range map[string]*Reader{"split": split, "skipping": skipping} {
			if got := r.Facts(); !reflect.DeepEqual(got, want) {
				t.Fatalf("%s:\n got %+v\nwant %+v", name, got, want)
			}
		}
		for from, s := range want.Sides {
			if all := s.All(); s.Read > sum[from] || all.Bytes > s.Read || !s.Lost && s.Read != sum[from] || len(s.Faults) > FaultKinds {
				t.Fatalf("%d bytes were sent, %+v", sum[from], s)
			}
		}
	})
}

// TestTextIsCheckedAsUTF8 compares the check with that of the standard library.
func TestTextIsCheckedAsUTF8(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 7))
	alphabet := []string{"a", "é", "€", "😀", "\xff", "\xc3", "\xe2\x82", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xc0\x80", "\xe0\x80\x80", "\xf0\x80\x80\x80", "\U0010ffff", "\ud7ff", "hello, world"}
	found := [2]int{}
	for range 20_000 {
		text := ""
		for range random.IntN(12) {
			text += alphabet[random.IntN(len(alphabet))]
			if random.IntN(3) > 0 {
				text = strings.ToValidUTF8(text, "")
			}
		}
		facts := read(Terms{}, said{Client, client(0x81, text)})
		got := facts.Sides[Client].Fault(FaultText) == nil
		if want := strings.ToValidUTF8(text, "") == text; got != want {
			t.Fatalf("%q: got %v", text, got)
		}
		if got {
			found[0]++
		} else {
			found[1]++
		}
	}
	if found[0] < 1000 || found[1] < 1000 {
		t.Errorf("found %v", found)
	}
}

// BenchmarkReader reads small frames: the cost of one echo in both directions.
func BenchmarkReader(b *testing.B) {
	r := NewReader(Terms{}, 0)
	text := strings.Repeat("hello, world ", 4)
	up, down := []byte(client(0x81, text)), []byte(server(0x81, text))
	b.ReportAllocs()
	for b.Loop() {
		r.Feed(Client, up, time.Second)
		r.Feed(Server, down, time.Second)
	}
}
