package h2

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/net/http2"
)

// frame writes a frame.
func frame(kind Type, flags uint8, stream uint32, payload string) string {
	return head(len(payload), kind, flags, stream) + payload
}

func head(length int, kind Type, flags uint8, stream uint32) string {
	b := []byte{byte(length >> 16), byte(length >> 8), byte(length), byte(kind), flags}
	return string(binary.BigEndian.AppendUint32(b, stream))
}

func number(all ...uint32) (b string) {
	for _, n := range all {
		b += string(binary.BigEndian.AppendUint32(nil, n))
	}
	return b
}

func setting(id uint16, value uint32) string {
	return string(binary.BigEndian.AppendUint16(nil, id)) + number(value)
}

// settings is a SETTINGS frame.
func settings(all ...string) string { return frame(Settings, 0, 0, strings.Join(all, "")) }

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

var upgraded = Terms{Upgraded: true}

func TestFaults(t *testing.T) {
	const (
		open  = Preface + "\x00\x00\x00\x04\x00\x00\x00\x00\x00"
		ack   = "\x00\x00\x00\x04\x01\x00\x00\x00\x00"
		first = int64(len(open))
	)
	block := func(stream uint32, flags uint8) string { return frame(Headers, flags, stream, "\x82") }
	served := said{Server, settings()}
	for name, test := range map[string]struct {
		before said
		from   Side
		bytes  string
		kind   FaultKind
		at     int64 // -1: it is sound
	}{
		"sound client":                      {served, Client, open + ack + block(3, 5) + block(5, 4) + frame(Data, 1, 5, "x") + block(7, 0) + frame(Continuation, 4, 7, "\x86"), 0, -1},
		"sound server":                      {said{Client, open}, Server, settings() + ack + block(1, 4) + frame(Data, 1, 1, "x") + frame(Ping, 0, 0, "12345678"), 0, -1},
		"a server before the client":        {said{}, Server, settings() + block(1, 4) + frame(Data, 1, 1, "x"), 0, -1},
		"unknown type":                      {served, Client, open + frame(0x20, 0xff, 9, "abc"), 0, -1},
		"priority of an idle stream":        {served, Client, open + frame(Priority, 0, 99, "\x00\x00\x00\x00\x00"), 0, -1},
		"window":                            {served, Client, open + frame(WindowUpdate, 0, 0, number(1)) + frame(WindowUpdate, 0, 1, number(0)), 0, -1},
		"no preface":                        {served, Client, settings() + block(3, 5), FaultPreface, 0},
		"no preface, and the server late":   {said{Client, settings()}, Server, settings(), 0, -1},
		"a request":                         {served, Client, "POST / HTTP/1.1\r\n", FaultPreface, 0},
		"a preface that breaks off":         {served, Client, Preface[:20] + "xxxx", FaultPreface, 0},
		"preface of both":                   {said{Client, open}, Server, open, FaultPreface, 0},
		"other first frame":                 {served, Client, Preface + block(3, 5), FaultFirst, int64(len(Preface))},
		"acknowledgement first":             {said{Client, open}, Server, ack, FaultFirst, 0},
		"an error page":                     {said{Client, open}, Server, "HTTP/1.1 400 Bad Request\r\n", FaultFirst, 0},
		"long frame":                        {served, Client, open + head(minMaxFrame+1, Data, 0, 1), FaultSize, first},
		"longest frame":                     {served, Client, open + head(minMaxFrame, Data, 0, 1), 0, -1},
		"long frame that is allowed":        {said{Server, settings(setting(settingMaxFrame, 1<<20))}, Client, open + head(1<<20, Data, 0, 1), 0, -1},
		"longer":                            {said{Server, settings(setting(settingMaxFrame, 1<<20))}, Client, open + head(1<<20+1, Data, 0, 1), FaultSize, first},
		"ping of 7":                         {served, Client, open + head(7, Ping, 0, 0), FaultLength, first},
		"settings of 7":                     {served, Client, open + head(7, Settings, 0, 0), FaultLength, first},
		"acknowledgement with settings":     {served, Client, open + head(6, Settings, 1, 0), FaultLength, first},
		"reset of 5":                        {served, Client, open + head(5, Reset, 0, 1), FaultLength, first},
		"goaway of 7":                       {served, Client, open + head(7, GoAway, 0, 0), FaultLength, first},
		"window of 3":                       {served, Client, open + head(3, WindowUpdate, 0, 0), FaultLength, first},
		"padded without a length":           {served, Client, open + head(0, Data, 8, 1), FaultLength, first},
		"padding of all that is left":       {served, Client, open + block(1, 5) + frame(Data, 8, 1, "\x02ab") + frame(Headers, 0x2d, 1, "\x01\x00\x00\x00\x00\x00\x82"), 0, -1},
		"padding longer than that":          {served, Client, open + block(1, 5) + frame(Data, 8, 1, "\x03ab"), FaultPadding, first + 10},
		"padding instead of a priority":     {served, Client, open + frame(Headers, 0x2d, 1, "\x05\x00\x00\x00\x00\x00"), FaultPadding, first},
		"headers without a priority":        {served, Client, open + head(4, Headers, 0x24, 1), FaultLength, first},
		"data of the connection":            {served, Client, open + head(1, Data, 0, 0), FaultStream, first},
		"ping of a stream":                  {served, Client, open + head(8, Ping, 0, 1), FaultStream, first},
		"headers of an even stream":         {served, Client, open + block(2, 5), FaultStream, first},
		"data of an idle stream":            {served, Client, open + block(3, 4) + head(1, Data, 0, 5), FaultStream, first + 10},
		"an answer that nobody asked for":   {said{Client, open}, Server, settings() + block(3, 4), FaultStream, 9},
		"a block that is interrupted":       {served, Client, open + block(3, 0) + frame(Data, 0, 1, ""), FaultOrder, first + 10},
		"a block of another stream":         {served, Client, open + block(3, 0) + frame(Continuation, 4, 5, ""), FaultOrder, first + 10},
		"continuation of nothing":           {served, Client, open + frame(Continuation, 4, 3, ""), FaultOrder, first},
		"push of a client":                  {served, Client, open + frame(Push, 4, 3, number(2)), FaultPush, first},
		"push of a server":                  {said{Client, open}, Server, settings() + frame(Push, 4, 1, number(2)) + block(2, 5), 0, -1},
		"a setting that is not allowed":     {served, Client, Preface + settings(setting(3, 7), setting(settingPush, 2)), FaultSetting, int64(len(Preface))},
		"a frame size that is not allowed":  {served, Client, Preface + settings(setting(settingMaxFrame, 1)), FaultSetting, int64(len(Preface))},
		"a window that is too large":        {served, Client, Preface + settings(setting(settingWindow, 1<<31)), FaultSetting, int64(len(Preface))},
		"window of zero for the connection": {served, Client, open + frame(WindowUpdate, 0, 0, number(0)), FaultWindow, first},
	} {
		facts := read(upgraded, test.before, said{test.from, test.bytes})
		s := &facts.Sides[test.from]
		switch f := s.Fault; {
		case (f != nil) != (test.at >= 0) || f != nil && (f.Kind != test.kind || f.Offset != test.at):
			t.Errorf("%s: got %+v, want %v at %d", name, f, test.kind, test.at)
		case f != nil && f.Kind != FaultPreface && !s.Lost, f == nil && s.Lost, f != nil && f.Kind != FaultPreface && s.Read != f.Offset:
			t.Errorf("%s: lost %v after %d", name, s.Lost, s.Read)
		}
		if http := name == "an error page" || name == "a request"; s.HTTP != http {
			t.Errorf("%s: HTTP %v", name, s.HTTP)
		}
	}
	if f := read(upgraded, said{Client, settings()}, said{Server, settings()}).Sides[Client].Fault; f == nil || f.Kind != FaultPreface {
		t.Errorf("two servers: %+v", f)
	}
	swapped := read(upgraded, said{Client, settings() + block(1, 4)}, said{Server, open + block(1, 5)})
	if !swapped.Swapped || swapped.Sides[Client].Lost || swapped.Sides[Server].Lost || swapped.Sides[Server].Opened != 1 {
		t.Errorf("with roles swapped: %+v", swapped)
	}
}

// TestNothingIsReadAfterAFault checks that what follows a fault is not looked at, however sound it is.
func TestNothingIsReadAfterAFault(t *testing.T) {
	r := NewReader(Terms{}, 0)
	r.Feed(Client, []byte(Preface+settings()+head(7, Ping, 0, 0)+"1234567"+frame(Headers, 5, 1, "\x82")), 0)
	if r.Reads(Client) || !r.Reads(Server) || r.Skippable(Client) != math.MaxInt64 || !r.Faulty(Client) {
		t.Error("it is read on")
	}
	if s := r.Facts().Sides[Client]; s.Frames[Headers] != 0 || s.Opened != 0 || s.Read != int64(len(Preface))+9 {
		t.Errorf("%+v", s)
	}
}

func TestFactsOfAConnection(t *testing.T) {
	client := Preface + settings(setting(3, 100), setting(settingWindow, 1<<20)) + frame(Settings, 1, 0, "") +
		frame(Headers, 5, 1, "\x82") + frame(Headers, 4, 3, "\x82") + frame(Data, 1, 3, "hello") +
		frame(Ping, 0, 0, "12345678") + frame(Ping, 0, 0, "12345678") + frame(Reset, 0, 3, number(8)) + frame(Reset, 0, 3, number(8)) + frame(Reset, 0, 1, number(99)) +
		settings(setting(3, 7)) + frame(GoAway, 0, 0, number(0, 0)+"bye")
	server := settings(setting(settingMaxFrame, 1<<15)) + frame(Settings, 1, 0, "") + frame(Ping, 1, 0, "12345678") +
		frame(Headers, 4, 1, "\x88") + frame(Data, 0, 1, strings.Repeat("x", 9000)) + frame(GoAway, 0, 0, number(1<<31-1, 0)) + frame(GoAway, 0, 0, number(3, 11)+"too_many_pings")
	f := read(Terms{}, said{Client, client}, said{Server, server[:40]}, said{Server, server[40:]})
	want := &Facts{
		GoneFirst: Client, Idle: time.Second,
		Sides: [2]Sent{
			{
				Frames: [Types]int64{Data: 1, Headers: 2, Reset: 3, Settings: 3, Ping: 2, GoAway: 1}, Data: 5, Rest: 2 + 3*4 + 3*6 + 16 + 11, Largest: 12,
				Preface: true, Opened: 2, Last: 3, Ended: 2, Acks: Acks{Settings: 1}, Settings: []Setting{{3, 7}, {settingWindow, 1 << 20}},
				Resets: []Resets{{8, 2}, {OtherCode, 1}}, GoAway: &Goodbye{Last: 0, Code: 0, Count: 1}, Read: int64(len(client)),
			},
			{
				Frames: [Types]int64{Data: 1, Headers: 1, Settings: 2, Ping: 1, GoAway: 2}, Data: 9000, Rest: 6 + 8 + 1 + 8 + 22, Largest: 9000,
				Acks: Acks{Settings: 1, Pings: 1}, Settings: []Setting{{settingMaxFrame, 1 << 15}},
				GoAway: &Goodbye{Last: 3, Code: 11, Count: 2, At: 2 * time.Second}, Read: int64(len(server)),
			},
		},
	}
	if !reflect.DeepEqual(f, want) {
		t.Errorf("got %+v\nwant %+v", f, want)
	}
	if f.Unanswered(Client) != 1 || f.Unanswered(Server) != 0 || Code(11).String() != "ENHANCE_YOUR_CALM" {
		t.Error("pings")
	}
	text, err := json.Marshal(f)
	var again Facts
	if err == nil {
		err = json.Unmarshal(text, &again)
	}
	if err != nil || !reflect.DeepEqual(&again, f) {
		t.Errorf("%v: %s\n has become %+v", err, text, again)
	}
}

// TestAllocation checks that a reader at rest is small, that frames take no memory once their types are
// known, and that no announced length does.
func TestAllocation(t *testing.T) {
	if size := unsafe.Sizeof(Reader{}); size > 352 {
		t.Errorf("a reader takes %d bytes", size)
	}
	r := NewReader(Terms{}, 0)
	r.Feed(Client, []byte(Preface+settings(setting(3, 1))+frame(Headers, 4, 1, "\x82")), 0)
	r.Feed(Server, []byte(settings(setting(settingMaxFrame, maxMaxFrame))), 0)
	more := []byte(frame(Data, 0, 1, strings.Repeat("x", 50)) + settings(setting(3, 2)) + frame(WindowUpdate, 0, 1, number(5)) + frame(Reset, 0, 1, number(5)))
	r.Feed(Client, more, 0)
	if n := testing.AllocsPerRun(1000, func() { r.Feed(Client, more, 0) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
	r.Feed(Client, []byte(head(maxMaxFrame, Data, 0, 1)), 0)
	if got := r.Skippable(Client); got != maxMaxFrame {
		t.Errorf("skippable: %d", got)
	}
	for i := range uint32(1000) { // of settings, as of resets, only so many are kept
		r.Feed(Server, []byte(settings(setting(uint16(100+i), i))), 0)
	}
	if got := len(r.Facts().Sides[Server].Settings); got != MaxSettings {
		t.Errorf("%d settings", got)
	}
}

// connections are what both sides say, in turns that begin with the client.
func connections() []string {
	c := Preface + settings(setting(3, 100)) + frame(Headers, 4, 1, "\x82") + frame(Data, 1, 1, "hello")
	s := settings(setting(settingMaxFrame, 1<<15)) + frame(Settings, 1, 0, "") + frame(Headers, 4, 1, "\x88") + frame(Data, 1, 1, strings.Repeat("y", 70))
	return []string{
		c + "|" + s, "|" + s + "|" + c, settings() + "|" + c + "|" + frame(Headers, 4, 1, "\x82"), c + "|" + c, s + "|" + s + "|" + s,
		c + frame(Reset, 0, 1, number(8)) + "|" + s + frame(GoAway, 0, 0, number(1, 11)+"calm") + "|" + frame(GoAway, 0, 0, number(0, 0)),
		c + "|" + s + "HTTP/1.1 500 No\r\n", "GET / HTTP/1.1\r\n|HTTP/1.1 400 No\r\n", Preface[:23] + "!", c + frame(WindowUpdate, 0, 0, number(0)) + "more",
		Preface + settings(setting(2, 2)) + c + "|" + s, c + head(20000, Data, 0, 1) + "|" + s,
	}
}

// FuzzSplit checks that any way to cut the bytes, and to skip those that may be skipped, gives the same
// facts, and that these are bounded and can be written and read again.
func FuzzSplit(f *testing.F) {
	for i, c := range connections() {
		f.Add([]byte(c), uint64(i), i%2 == 0)
	}
	f.Fuzz(func(t *testing.T, text []byte, seed uint64, began bool) {
		whole, cut := NewReader(Terms{Upgraded: began}, 0), NewReader(Terms{Upgraded: began}, 0)
		random := rand.New(rand.NewPCG(seed, 1))
		for i, turn := range bytes.Split(text, []byte("|")) {
			from, at := Side(i%2), time.Duration(i)*time.Second
			whole.Feed(from, turn, at)
			for len(turn) > 0 {
				if n := min(cut.Skippable(from), int64(len(turn))); n > 0 && random.IntN(2) == 0 {
					n = 1 + random.Int64N(n)
					cut.Skip(from, n, at)
					turn = turn[n:]
					continue
				}
				n := 1 + random.IntN(min(len(turn), 12))
				cut.Feed(from, turn[:n], at)
				turn = turn[n:]
			}
		}
		want, got := whole.Facts(), cut.Facts()
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("got %+v\nwant %+v", got, want)
		}
		written, err := json.Marshal(want)
		var again Facts
		if err == nil {
			err = json.Unmarshal(written, &again)
		}
		if err != nil || !reflect.DeepEqual(&again, want) {
			t.Fatalf("%v: %s\nhas become %+v, not %+v", err, written, again, want)
		}
	})
}

// TestFramesAreThoseOfTheLibrary reads what the Framer of x/net writes, and finds what its reader does.
func TestFramesAreThoseOfTheLibrary(t *testing.T) {
	for seed := range uint64(50) {
		random := rand.New(rand.NewPCG(seed, 2))
		var out bytes.Buffer
		w := http2.NewFramer(&out, nil)
		out.WriteString(Preface)
		w.WriteSettings(http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: random.Uint32()})
		stream := uint32(1)
		for range 200 {
			switch random.IntN(9) {
			case 0:
				w.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: []byte("\x82"), EndHeaders: true, EndStream: random.IntN(2) == 0})
				stream += 2
			case 1:
				w.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: []byte("\x82"), PadLength: 9, Priority: http2.PriorityParam{Weight: 3}})
				w.WriteContinuation(stream, true, []byte("\x86"))
				stream += 2
			case 2:
				w.WriteData(1, false, make([]byte, random.IntN(minMaxFrame)))
			case 3:
				w.WriteRSTStream(1, http2.ErrCode(random.IntN(20)))
			case 4:
				w.WritePing(random.IntN(2) == 0, [8]byte{1})
			case 5:
				w.WriteGoAway(random.Uint32()&0x7fffffff, http2.ErrCode(random.IntN(20)), []byte("debug"))
			case 6:
				w.WriteWindowUpdate(1, 1+random.Uint32N(1000))
			case 7:
				w.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: random.Uint32N(1 << 31)})
			case 8:
				w.WriteSettingsAck()
			}
			if stream == 3 {
				continue
			}
			if stream == 1 { // nothing may come for a stream that was not opened
				w.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte("\x82"), EndHeaders: true})
				stream = 3
			}
		}
		compareWithLibrary(t, fmt.Sprint("seed ", seed), out.Bytes())
	}
}

// compareWithLibrary compares what a reader and the library find in frames of a client.
func compareWithLibrary(t *testing.T, name string, b []byte) {
	t.Helper()
	r := NewReader(upgraded, 0)
	r.Feed(Client, b, 0)
	s := r.Facts().Sides[Client]
	library := http2.NewFramer(nil, bytes.NewReader(b[len(Preface):]))
	var counts [Types]int64
	var ended int64
	resets, away := map[Code]int64{}, (*http2.GoAwayFrame)(nil)
	for {
		f, err := library.ReadFrame()
		if err != nil {
			break
		}
		counts[f.Header().Type]++
		switch f := f.(type) {
		case *http2.RSTStreamFrame:
			resets[codeAt(min(int(f.ErrCode), maxCode+1))]++
		case *http2.GoAwayFrame:
			away = &http2.GoAwayFrame{LastStreamID: f.LastStreamID, ErrCode: f.ErrCode}
		case *http2.HeadersFrame:
			if f.StreamEnded() {
				ended++
			}
		}
	}
	got := map[Code]int64{}
	for _, n := range s.Resets {
		got[n.Code] = n.Count
	}
	switch {
	case s.Fault != nil || s.Cut || s.Frames != counts || s.Ended != ended || !reflect.DeepEqual(got, resets):
		t.Errorf("%s: %+v, fault %+v; the library: %v, %v", name, s, s.Fault, counts, resets)
	case (away != nil) != (s.GoAway != nil) || away != nil && (away.LastStreamID != s.GoAway.Last || Code(away.ErrCode) != s.GoAway.Code):
		t.Errorf("%s: goaway %+v; the library: %+v", name, s.GoAway, away)
	}
}
