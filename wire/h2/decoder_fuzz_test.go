package h2

import (
	"bytes"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// turns is what both sides say in turns that begin with the client, for FuzzDecoder.
type turns []string

// bytes has a length of two bytes before each turn.
func (all turns) bytes() (b []byte) {
	for _, turn := range all {
		b = append(b, byte(len(turn)>>8), byte(len(turn)))
		b = append(b, turn...)
	}
	return b
}

// conversations are the seeds of FuzzDecoder.
func conversations() (all []turns) {
	c, s := newWriter(), newWriter()
	request, answer := exchange(c, s, 1)
	second, also := exchange(c, s, 3)
	open := Preface + settings(setting(settingTable, 1<<16), setting(8, 1))
	hello := settings(setting(settingTable, 8192), setting(8, 1)) + frame(Settings, 1, 0, "")
	block := newWriter().block(":method", "CONNECT", ":protocol", "websocket", " cookie", "a=b", "x", strings.Repeat("long", 50))
	all = []turns{
		{open + request + second, hello + answer + also},
		{open, hello, frame(Headers, 0, 1, block[:20]) + frame(Continuation, 0, 1, block[20:40]) + frame(Continuation, endHeaders, 1, block[40:])},
		{open, hello, frame(Headers, endHeaders|flagPadded|flagPriority, 1, padded("12345", block, 9)) + frame(Data, flagPadded|endStream, 1, padded("", "some data of the client", 30))},
		{open + request, hello + frame(Push, flagPadded, 1, padded(number(2), "\x82", 3)) + frame(Continuation, endHeaders, 1, "\x84") + frame(Headers, endBoth, 2, "\x88") + answer},
		{open, hello, frame(Headers, endHeaders, 1, update(8192)), frame(Headers, endHeaders, 1, "\xbe"), frame(Headers, endHeaders, 1, "\x82") + frame(Data, 0, 1, "x")},
		{open, hello, frame(Headers, endHeaders, 1, "\x82"), frame(Headers, endHeaders, 1, update(1<<16)) + frame(Headers, endHeaders, 1, "\xbe\xbf")},
		{open + request, hello + frame(Reset, 0, 1, number(8)) + frame(GoAway, 0, 0, number(1, 11)+"calm"), frame(WindowUpdate, 0, 0, number(7)) + settings(setting(8, 0))},
		{open, hello, inFrames(1, strings.Repeat("\x82", 20000))},
		{open, hello, frame(Data, flagPadded, 1, "\x05abc") + request}, {"GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400 No\r\n\r\n"}, {open[:20]},
	}
	return all
}

// feedTurns feeds turns, cut at random unless random is nil, and skips half of what can be skipped then.
func feedTurns(r *Reader, text []byte, random *rand.Rand) {
	for turn := 0; len(text) >= 2; turn++ {
		n := min(int(text[0])<<8|int(text[1]), len(text)-2)
		said, from, at := text[2:2+n], Side(turn%2), time.Duration(turn)*time.Second
		text = text[2+n:]
		if random == nil {
			r.Feed(from, said, at)
			continue
		}
		for len(said) > 0 {
			if n := min(r.Skippable(from), int64(len(said))); n > 0 && random.IntN(2) == 0 {
				n = 1 + random.Int64N(n)
				r.Skip(from, n, at)
				said = said[n:]
				continue
			}
			n := 1 + random.IntN(min(len(said), 40))
			r.Feed(from, bytes.Clone(said[:n]), at)
			said = said[n:]
		}
	}
}

// FuzzDecoder checks that any way to cut the bytes, and to skip those that may be skipped, gives the same
// events in the same order, that they are bounded, that no event of a side follows its blindness, and that
// the facts are those of a Reader.
func FuzzDecoder(f *testing.F) {
	for i, c := range conversations() {
		f.Add(c.bytes(), uint64(i), i%2 == 0)
	}
	f.Fuzz(func(t *testing.T, text []byte, seed uint64, began bool) {
		text = text[:min(len(text), 1<<15)] // larger ones take seconds on a busy machine
		terms := Terms{Upgraded: began, Settings: []Setting{{settingTable, uint32(seed)}}}
		var whole, cut log
		blind, offsets := [2]bool{}, [2]int64{}
		a := NewDecoder(terms, 0, func(e *Event) {
			octets := 0
			for _, f := range e.Fields {
				octets += len(f.Name) + len(f.Value) + 32
			}
			if octets > MaxFields || len(e.Block) > MaxBlock || blind[e.From] || e.Offset < offsets[e.From] && e.Kind != EventBlind && e.Kind != EventEnd {
				t.Fatalf("after %d: %+v", offsets, e)
			}
			blind[e.From] = e.Kind == EventBlind
			offsets[e.From] = e.Offset
			whole.take(e)
			want(e)
		})
		b := NewDecoder(terms, 0, func(e *Event) { cut.take(e); want(e) })
		feedTurns(&a.Reader, text, nil)
		feedTurns(&b.Reader, text, rand.New(rand.NewPCG(seed, 1)))
		if !slices.Equal(whole.lines, cut.lines) {
			t.Fatalf("at once:\n%q\ncut:\n%q", whole.lines, cut.lines)
		}
		for from := range a.halves {
			if h := &a.halves[from].block; cap(h.bytes) > 2*MaxBlock || cap(a.fields) > 64 {
				t.Fatalf("%d bytes and %d fields are kept", cap(h.bytes), cap(a.fields))
			}
		}
		if !reflect.DeepEqual(a.Facts(), b.Facts()) {
			t.Fatalf("facts: %+v\ncut: %+v", a.Facts(), b.Facts())
		}
		plain := NewReader(terms, 0)
		feedTurns(plain, text, nil)
		if !reflect.DeepEqual(plain.Facts(), a.Facts()) {
			t.Fatalf("facts of a decoder: %+v\nof a reader: %+v", a.Facts(), plain.Facts())
		}
	})
}

// want asks for as much of a frame as depends on its stream only.
func want(e *Event) {
	switch e.Kind {
	case EventData:
		e.Want = e.Stream * 7 % 32
	}
}
