package h2

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// TestDecoderAgreesWithTheLibrary has the Framer of x/net write connections at random, and compares what
// its reader and the decoder make of them.
func TestDecoderAgreesWithTheLibrary(t *testing.T) {
	for seed := range uint64(10) {
		random := rand.New(rand.NewPCG(seed, 3))
		b := randomFrames(random)
		var l log
		d := NewDecoder(Terms{}, 0, l.take)
		d.Feed(Server, []byte(settings(setting(settingTable, 1<<14), setting(settingMaxFrame, 1<<20))), 0)
		l.lines = nil
		d.Feed(Client, []byte(Preface), 0)
		for rest := b; len(rest) > 0; {
			n := 1 + random.IntN(min(len(rest), 3000))
			d.Feed(Client, rest[:n], 0)
			rest = rest[n:]
		}
		if want := libraryLines(t, b); !slices.Equal(l.lines, want) {
			for i := range want {
				if i >= len(l.lines) || l.lines[i] != want[i] {
					t.Fatalf("seed %d, event %d of %d:\n got %q\nwant %q", seed, i, len(want), l.lines[i:min(i+1, len(l.lines))], want[i])
				}
			}
			t.Fatalf("seed %d: %d events, and the library has %d", seed, len(l.lines), len(want))
		}
	}
}

// randomFrames writes frames of a client.
func randomFrames(random *rand.Rand) []byte {
	var out bytes.Buffer
	w, fields := http2.NewFramer(&out, nil), newWriter()
	fields.SetMaxDynamicTableSizeLimit(1 << 14)
	text := func(n int) string { return strings.Repeat(string(rune('a'+random.IntN(26))), random.IntN(n)) }
	w.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: random.Uint32N(1 << 31)})
	for stream := uint32(1); stream < 80; stream += 2 {
		if random.IntN(10) == 0 {
			fields.SetMaxDynamicTableSize(random.Uint32N(1 << 14))
		}
		all := []string{":method", "GET", ":path", "/" + text(300), " cookie", text(50), "x-" + text(5), text(9000), "user-agent", "the same"}
		block := []byte(fields.block(all...))
		p := http2.HeadersFrameParam{StreamID: stream, EndStream: random.IntN(2) == 0, PadLength: uint8(random.IntN(2) * random.IntN(256))}
		if random.IntN(2) == 0 {
			p.Priority = http2.PriorityParam{Weight: 3, StreamDep: 1 << 20}
		}
		n := random.IntN(len(block) + 1)
		p.BlockFragment, p.EndHeaders = block[:n], n == len(block)
		w.WriteHeaders(p)
		for block = block[n:]; len(block) > 0; block = block[n:] {
			n = 1 + random.IntN(len(block))
			w.WriteContinuation(stream, n == len(block), block[:n])
		}
		for range random.IntN(3) {
			w.WriteDataPadded(stream, random.IntN(4) == 0, []byte(text(1000)), make([]byte, random.IntN(2)*random.IntN(256)))
		}
		switch random.IntN(4) {
		case 0:
			w.WriteRSTStream(stream, http2.ErrCode(random.IntN(14)))
		case 1:
			w.WriteWindowUpdate(stream, 1+random.Uint32N(1000))
		case 2:
			w.WriteSettingsAck()
		}
	}
	w.WriteGoAway(7, http2.ErrCodeNo, []byte("bye"))
	return out.Bytes()
}

// libraryLines are the lines of a log, as the reader of the library has it.
func libraryLines(t *testing.T, b []byte) []string {
	var l log
	r := http2.NewFramer(nil, bytes.NewReader(b))
	r.ReadMetaHeaders = hpack.NewDecoder(1<<14, nil)
	r.SetMaxReadFrameSize(1 << 20)
	r.MaxHeaderListSize = 1 << 20
	for {
		f, err := r.ReadFrame()
		if errors.Is(err, io.EOF) {
			return l.lines
		}
		if err != nil {
			t.Fatal(err)
		}
		e := Event{From: Client, Stream: f.Header().StreamID}
		ends := false
		switch f := f.(type) {
		case *http2.MetaHeadersFrame:
			e.Kind, e.EndStream, ends = EventHead, f.StreamEnded(), f.StreamEnded()
			for _, field := range f.Fields {
				e.Fields = append(e.Fields, Field(field))
			}
		case *http2.DataFrame:
			e.Kind, e.EndStream, e.Length, ends = EventData, f.StreamEnded(), uint32(len(f.Data())), f.StreamEnded()
			l.take(&e)
			e = Event{Kind: EventPayload, From: Client, Stream: e.Stream, Data: f.Data()}
			if len(e.Data) == 0 {
				e.Kind = EventKinds
			}
		case *http2.RSTStreamFrame:
			e.Kind, e.Code = EventReset, Code(f.ErrCode)
		case *http2.WindowUpdateFrame:
			e.Kind, e.Increment = EventWindow, f.Increment
		case *http2.GoAwayFrame:
			e.Kind, e.Code, e.Last = EventGoAway, Code(f.ErrCode), f.LastStreamID
		case *http2.SettingsFrame:
			if e.Kind = EventSettingsAck; !f.IsAck() {
				e.Kind, e.Setting, e.Old = EventSetting, Setting{uint16(f.Setting(0).ID), f.Setting(0).Val}, initial()[f.Setting(0).ID]
			}
		default:
			t.Fatal(fmt.Sprint(f))
		}
		if e.Kind != EventKinds {
			l.take(&e)
		}
		if ends {
			l.take(&Event{Kind: EventEnd, From: Client, Stream: e.Stream})
		}
	}
}
