package h2

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2/hpack"
)

// A writer makes the field blocks of one side.
type writer struct {
	b bytes.Buffer
	*hpack.Encoder
}

func newWriter() *writer {
	w := new(writer)
	w.Encoder = hpack.NewEncoder(&w.b)
	return w
}

// block writes names and values in turn. A name that begins with a blank is never indexed.
func (w *writer) block(all ...string) string {
	for i := 0; i < len(all); i += 2 {
		name, sensitive := strings.CutPrefix(all[i], " ")
		w.WriteField(hpack.HeaderField{Name: name, Value: all[i+1], Sensitive: sensitive})
	}
	defer w.b.Reset()
	return w.b.String()
}

// line says in one line what an event is.
func line(e *Event) string {
	var text strings.Builder
	say := func(format string, args ...any) { fmt.Fprintf(&text, format, args...) }
	say("%v %v %d", e.From, e.Kind, e.Stream)
	switch e.Kind {
	case EventHead, EventPush:
		if e.Kind == EventPush {
			say(" promises %d", e.Promised)
		}
		for _, f := range e.Fields {
			say(" %s=%s", f.Name, f.Value)
			if f.Sensitive {
				say("!")
			}
		}
	case EventData:
		say(" of %d", e.Length)
	case EventPayload, EventPing:
		say(" %s", e.Data)
	case EventReset:
		say(" %v", e.Code)
	case EventGoAway:
		say(" %v after %d", e.Code, e.Last)
	case EventSetting:
		say(" %d: %d to %d", e.Setting.ID, e.Old, e.Setting.Value)
	case EventWindow:
		say(" by %d", e.Increment)
	case EventBlind:
		say(" at %d: %v, %s", e.Offset, e.Blind, e.Detail)
	}
	if e.Truncated {
		say(" TRUNCATED")
	}
	if e.EndStream {
		say(" END")
	}
	return text.String()
}

// A log is what a decoder hands over, one line each. Pieces of one frame are one line.
type log struct {
	lines []string
	piece bool // the last line is one
}

func (l *log) take(e *Event) {
	switch e.Kind {
	case EventData:
		e.Want = e.Length
	case EventPayload:
		if l.piece {
			l.lines[len(l.lines)-1] += string(e.Data)
			return
		}
	}
	l.piece = e.Kind == EventPayload
	l.lines = append(l.lines, line(e))
}

// decode decodes what was said, and once more byte by byte, which must not matter.
func decode(t *testing.T, terms Terms, all ...said) (*Decoder, []string) {
	t.Helper()
	var whole, single log
	d, slow := NewDecoder(terms, 0, whole.take), NewDecoder(terms, 0, single.take)
	for i, s := range all {
		d.Feed(s.from, []byte(s.text), time.Duration(i)*time.Second)
		for _, b := range []byte(s.text) {
			slow.Feed(s.from, []byte{b}, time.Duration(i)*time.Second)
		}
	}
	if !slices.Equal(whole.lines, single.lines) {
		t.Errorf("byte by byte:\n%s\nat once:\n%s", strings.Join(single.lines, "\n"), strings.Join(whole.lines, "\n"))
	}
	return d, whole.lines
}

// padded is a payload with padding, as if the flag were set.
func padded(prefix, content string, n int) string {
	return string([]byte{byte(n)}) + prefix + content + strings.Repeat("\x00", n)
}

const (
	endStream  = FlagEndStream
	endHeaders = FlagEndHeaders
	endBoth    = endStream | endHeaders
)

// opening is what both sides say first.
func opening() []said { return []said{{Client, Preface + settings()}, {Server, settings()}} }

func TestEvents(t *testing.T) {
	request, answer := newWriter(), newWriter()
	long := newWriter().block("x", strings.Repeat("y", 30), "z", "1")
	for name, test := range map[string]struct {
		terms Terms
		all   []said
		want  string // lines
	}{
		"settings": {Terms{}, []said{{Server, settings(setting(8, 1), setting(1, 100), setting(77, 5))}, {Client, Preface + settings(setting(1, 1<<16)) + frame(Settings, 1, 0, "")}, {Server, settings(setting(8, 0))}},
			"server setting 0 8: 0 to 1|server setting 0 1: 4096 to 100|server setting 0 77: 0 to 5|client setting 0 1: 4096 to 65536|client settings-ack 0|server setting 0 8: 1 to 0"},
		"request and answer": {Terms{}, append(opening(), said{Client, frame(Headers, endBoth, 1, request.block(":method", "GET", ":path", "/chat")) + frame(Headers, endBoth, 3, request.block(":method", "GET", ":path", "/chat"))}, said{Server, frame(Headers, endHeaders, 1, "\x88") + frame(Data, 0, 1, "hel") + frame(Data, endStream, 1, "lo")}),
			"client head 1 :method=GET :path=/chat END|client end 1|client head 3 :method=GET :path=/chat END|client end 3|server head 1 :status=200|server data 1 of 3|server payload 1 hel|server data 1 of 2 END|server payload 1 lo|server end 1"},
		"continuation": {Terms{}, append(opening(), said{Client, frame(Headers, endStream, 1, long[:3]) + frame(Continuation, 0, 1, "") + frame(Continuation, 0xf8, 1, long[3:9]) + frame(Continuation, endHeaders, 1, long[9:])}),
			"client head 1 x=" + strings.Repeat("y", 30) + " z=1 END|client end 1"},
		"the end of the block is empty": {Terms{}, append(opening(), said{Client, frame(Headers, 0, 1, "\x82") + frame(Continuation, endHeaders, 1, "")}),
			"client head 1 :method=GET"},
		"empty block": {Terms{}, append(opening(), said{Client, frame(Headers, endHeaders, 1, "") + frame(Headers, endBoth|flagPadded, 1, padded("", "", 4))}),
			"client head 1|client head 1 END|client end 1"},
		"padding and priority": {Terms{}, append(opening(), said{Client, frame(Headers, endHeaders|flagPadded|flagPriority, 1, padded("\x80\x00\x00\x00\xff", "\x82", 7)) +
			frame(Headers, endHeaders|flagPriority, 3, "\x00\x00\x00\x00\x01\x83") + frame(Data, flagPadded, 1, padded("", "abc", 200)) + frame(Data, flagPadded|endStream, 1, padded("", "", 0)) + frame(Data, flagPadded, 3, padded("", "", 9))}),
			"client head 1 :method=GET|client head 3 :method=POST|client data 1 of 3|client payload 1 abc|client data 1 of 0 END|client end 1|client data 3 of 0"},
		"interim answer, final one and trailers": {Terms{}, append(opening(), said{Client, frame(Headers, endBoth, 1, "\x82")}, said{Server, frame(Headers, endHeaders, 1, answer.block(":status", "103", "link", "</a>")) +
			frame(Headers, endHeaders, 1, answer.block(":status", "200", "link", "</a>")) + frame(Data, 0, 1, "") + frame(Headers, endBoth, 1, answer.block("grpc-status", "0"))}),
			"client head 1 :method=GET END|client end 1|server head 1 :status=103 link=</a>|server head 1 :status=200 link=</a>|server data 1 of 0|server head 1 grpc-status=0 END|server end 1"},
		"push": {Terms{}, append(opening(), said{Client, frame(Headers, endBoth, 1, "\x82")}, said{Server, frame(Push, 0, 1, number(2)+"\x82") + frame(Continuation, endHeaders, 1, "\x84") + frame(Push, endBoth|flagPadded, 1, padded(number(4), "\x83", 3)) + frame(Headers, endBoth, 2, "\x88")}),
			"client head 1 :method=GET END|client end 1|server push 1 promises 2 :method=GET :path=/|server push 1 promises 4 :method=POST|server head 2 :status=200 END|server end 2"},
		"any value": {Terms{}, append(opening(), said{Client, frame(Headers, endHeaders, 1, newWriter().block("a", "1\r\nb: \x00\xff", " cookie", "secret", "", "", "Up per", " "))}),
			"client head 1 a=1\r\nb: \x00\xff cookie=secret! = Up per= "},
		"an upgraded connection": {Terms{Upgraded: true, Settings: []Setting{{1, 1 << 15}, {4, 1 << 31}}}, []said{{Server, settings() + frame(Headers, endHeaders, 1, "\x3f\xe1\xff\x01\x88")}, {Client, Preface + settings(setting(1, 1)) + frame(Reset, 0, 1, number(8))}},
			"server head 1 :status=200|client setting 0 1: 32768 to 1|client reset 1 CANCEL"},
		"goaway and window": {Terms{}, append(opening(), said{Server, frame(WindowUpdate, 0, 0, number(1<<31|5)) + frame(Ping, 0, 0, "12345678") + frame(0x20, 0xff, 9, "abc") + frame(GoAway, 0, 0, number(1<<31|7, 11)+"calm")}),
			"server window 0 by 5|server ping 0 12345678|server goaway 0 ENHANCE_YOUR_CALM after 7"},
	} {
		d, got := decode(t, test.terms, test.all...)
		if text := strings.Join(got, "|"); text != test.want {
			t.Errorf("%s:\n got %q\nwant %q", name, text, test.want)
		}
		if f := d.Facts(); f.Sides[Client].Fault != nil || f.Sides[Server].Fault != nil {
			t.Errorf("%s: a fault: %+v, %+v", name, f.Sides[Client].Fault, f.Sides[Server].Fault)
		}
	}
}

// TestEventsSayWhere checks offsets, times and the block as it was sent.
func TestEventsSayWhere(t *testing.T) {
	var at []string
	d := NewDecoder(Terms{}, 0, func(e *Event) {
		at = append(at, fmt.Sprintf("%v %d %v %x", e.Kind, e.Offset, e.At, e.Block))
		if e.Kind == EventData {
			e.Want = e.Length
		}
	})
	open := Preface + settings() // 33 bytes
	d.Feed(Client, []byte(open+frame(Headers, 0, 1, "\x82")), time.Second)
	d.Feed(Client, []byte(frame(Continuation, endHeaders, 1, "\x84")+head(8, Data, flagPadded, 1)+"\x05a"), 1500*time.Microsecond)
	d.Feed(Client, []byte("b"), 2*time.Second)
	d.Skip(Client, 5, 3*time.Second)
	d.Feed(Client, []byte(frame(Ping, 0, 0, "12345678")+frame(Settings, 0, 0, setting(3, 1)+setting(8, 1))+frame(Headers, endHeaders, 3, "\xff")), 4*time.Second)
	want := []string{"head 33 1.5ms 8284", "data 53 1.5ms ", "payload 63 1.5ms ", "payload 64 2s ", "ping 70 4s ", "setting 87 4s ", "setting 87 4s ", "blind 108 4s "}
	if !slices.Equal(at, want) {
		t.Errorf("got %q\nwant %q", at, want)
	}
}
