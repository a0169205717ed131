package wire

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/wire/ws"
)

// websocket returns a conversation after a handshake with those extensions.
func websocket(t *testing.T, extensions string) (*Conversation, *listener) {
	header := ""
	if extensions != "" {
		header = "Sec-WebSocket-Extensions: " + extensions + "\r\n"
	}
	return conversation(t, ">"+handshake, "<"+strings.TrimSuffix(switching, "\r\n")+header+"\r\n")
}

const pongs = "\x8a\x00"

func TestFramesAreReadToTheEnd(t *testing.T) {
	c, l := websocket(t, "permessage-deflate; client_max_window_bits")
	c.Feed(FromServer, []byte(strings.Repeat(pongs, MaxRecorded)+"\xc1\x01a"), start)
	c.Tick(start.Add(AftermathFor))
	if c.Recording(FromServer) || !c.Reading(FromServer) {
		t.Errorf("recording %v, reading %v", c.Recording(FromServer), c.Reading(FromServer))
	}
	c.Feed(FromServer, []byte("\x88\x02\x03\xe8"), start.Add(time.Minute))
	c.Settle(CauseServer, start.Add(time.Minute))
	x := l.last()[0]
	s := x.After.Frames.Sides[ws.Server]
	if s.Frames[ws.Pong].Frames != MaxRecorded || s.Compressed != 1 || s.Close == nil || s.Close.Code != 1000 || s.Close.At.Round(time.Second) != time.Minute {
		t.Errorf("%+v", s)
	}
	if len(x.After.Server) != MaxRecorded || !x.Final {
		t.Errorf("%d bytes, final %v", len(x.After.Server), x.Final)
	}
}

func TestFaultsAreReportedWhenTheyCome(t *testing.T) {
	c, l := websocket(t, "")
	c.Feed(FromServer, []byte(pongs), start)
	c.Tick(start.Add(time.Minute))
	before := len(l.reports)
	c.Feed(FromServer, []byte("\x81\x01\xff"), start.Add(time.Hour))
	c.Feed(FromServer, []byte("\x81\x01\xff\x83\x00"), start.Add(time.Hour))
	if n := len(l.reports) - before; n != 1 {
		t.Fatalf("%d reports", n)
	}
	if f := l.reports[before].After.Frames.Sides[ws.Server].Faults; len(f) != 1 || f[0].Kind != ws.FaultText || f[0].Offset != 2 {
		t.Errorf("%+v", f)
	}
	c.Settle(CauseServer, start.Add(time.Hour))
	if f := l.last()[0].After.Frames.Sides[ws.Server].Faults; len(f) != 2 || f[0].Count != 2 {
		t.Errorf("%+v", f)
	}
}

// TestEarlyFramesAreRead checks the frames that a client sends before the 101.
func TestEarlyFramesAreRead(t *testing.T) {
	for n, lost := range map[int]bool{10: false, MaxRecorded: true} {
		early := strings.Repeat("\x8a\x80abcd", n)
		c, l := conversation(t, ">"+handshake+early, "<"+switching)
		c.Feed(FromClient, []byte("\x88\x80abcd"), start)
		c.Settle(CauseServer, start)
		s := l.last()[0].After.Frames.Sides[ws.Client]
		if s.Lost != lost || len(s.Faults) > 0 || !lost && (s.Frames[ws.Pong].Frames != int64(n) || s.Close == nil) {
			t.Errorf("%d: %+v", n, s)
		}
	}
}

func TestFramesAreNotReadWhereTheyAreNone(t *testing.T) {
	c, l := websocket(t, "")
	l.common.NoFrames = true
	c.Settle(CauseServer, start)
	if l.last()[0].After.Frames == nil {
		t.Error("the frames of a tunnel that had begun are not read")
	}
	c, l = conversation(t)
	l.common.NoFrames = true
	c.Feed(FromClient, []byte(handshake), start)
	c.Feed(FromServer, []byte(switching+"\x81\x00"), start)
	c.Settle(CauseServer, start)
	if l.last()[0].After.Frames != nil {
		t.Error("the frames are read, but nobody wants them")
	}
	c, l = conversation(t, ">"+strings.ReplaceAll(handshake, "websocket", "echo"), "<"+strings.ReplaceAll(switching, "websocket", "echo")+"\x81\x00")
	c.Settle(CauseServer, start)
	if x := l.last()[0]; x.After.Frames != nil || x.ReadFrames() != nil {
		t.Error("the frames of another protocol are read")
	}
}

// TestFramesInATunnelAllocateNothing checks a tunnel whose first bytes are known.
func TestFramesInATunnelAllocateNothing(t *testing.T) {
	c, _ := websocket(t, "")
	c.Feed(FromServer, []byte(strings.Repeat(pongs, MaxRecorded)), start)
	c.Feed(FromClient, []byte(strings.Repeat("\x8a\x80abcd", MaxRecorded)), start)
	c.Tick(start.Add(AftermathFor))
	up, down := []byte("\x81\x85abcdhello"), []byte("\x81\x05hello\x89\x01a")
	now := start.Add(time.Minute)
	if n := testing.AllocsPerRun(1000, func() {
		c.Feed(FromClient, up, now)
		c.Feed(FromServer, down, now)
	}); n != 0 && !raced {
		t.Errorf("%v allocations", n)
	}
}

// TestMessagesAreKept checks that reports have the messages so far, and that the terms of the handshake
// are those for decompressing.
func TestMessagesAreKept(t *testing.T) {
	for extensions, want := range map[string]ws.Cut{
		"permessage-deflate; server_no_context_takeover":                          ws.Whole,
		"x, permessage-deflate;client_max_window_bits = \"15\"":                   ws.CutCorrupt, // x may have changed the payload
		"permessage-deflate; client_no_context_takeover;server_max_window_bits=9": ws.CutContext,
		"permessage-deflate": ws.CutContext,
	} {
		c, l := conversation(t)
		memory := new(ws.Memory)
		l.common.Messages = &ws.Keep{Data: true, Memory: memory}
		c.Feed(FromClient, []byte(handshake), start)
		c.Feed(FromServer, []byte(strings.TrimSuffix(switching, "\r\n")+"Sec-WebSocket-Extensions: "+extensions+"\r\n\r\n"), start)
		c.Feed(FromServer, []byte("\x81\x01a\xc2\x03\xff\xff\xff"), start)
		c.Tick(start.Add(AftermathFor))
		c.Feed(FromServer, []byte("\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00"), start.Add(time.Minute))
		if m := l.last()[0].After.Messages; m == nil || len(m.Kept) != 2 || string(m.Kept[0].Data) != "a" || m.Kept[1].Cut != ws.CutCorrupt {
			t.Errorf("%s: the first report has %+v", extensions, m)
		}
		c.Settle(CauseServer, start.Add(time.Minute))
		m := l.last()[0].After.Messages.Kept
		if len(m) != 3 || m[2].Cut != want || (string(m[2].Data) == "Hello") != (want == ws.Whole) || m[2].At.Round(time.Second) != time.Minute || memory.Used() != 0 {
			t.Errorf("%s: %+v, %d bytes in use", extensions, m, memory.Used())
		}
	}
}

// TestTranscriptsHaveMessages checks that the messages of a tunnel are in its transcript, and read from
// it.
func TestTranscriptsHaveMessages(t *testing.T) {
	c, l := websocket(t, "")
	c.Settle(CauseServer, start)
	x := *l.last()[0]
	x.After.Messages = &ws.Messages{Dropped: [2]int64{3, 0}, Kept: []ws.Message{
		{From: ws.Client, Kind: ws.Text, At: time.Second, Size: 3, Sent: 3, Frames: 1, Data: []byte("h\n<")},
		{From: ws.Server, Kind: ws.Binary, Size: 1, Sent: 9, Frames: 2, Compressed: true, Data: []byte("\xff")},
		{From: ws.Server, Kind: ws.Text, Size: 7, Sent: 7, Frames: 1, Shape: `{"a": number}`},
	}}
	text := x.Transcript().String()
	for _, line := range []string{
		`messages: {"kept":[],"dropped":{"client":3,"server":0}}`, `message: {"from":"client","kind":"text","at":1000,"size":3,"text":"h\u000a\u003c"}`,
	} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("no line %s in\n%s", line, text)
		}
	}
	read, err := ParseTranscript([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if got := read.Exchanges(Common{})[0]; !reflect.DeepEqual(got.After.Messages, x.After.Messages) {
		t.Errorf("got %+v", got.After.Messages)
	}
	if x.Bytes() <= l.last()[0].Bytes() {
		t.Error("messages take no memory")
	}
}

// TestTranscriptsHaveTheFactsOfFrames checks a tunnel of which only the first bytes are recorded.
func TestTranscriptsHaveTheFactsOfFrames(t *testing.T) {
	c, l := websocket(t, "")
	down := strings.Repeat(pongs, MaxRecorded) + "\x81\x01\xff\x88\x04\x03\xe8\"\xff"
	c.Feed(FromServer, []byte(down), start)
	c.Wrote(FromServer, len(handshake)+len(switching)+len(down))
	c.Settle(CauseServer, start)
	x := l.last()[0]
	text := x.Transcript().String()
	again, err := ParseTranscript([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := describe(again.Exchanges(Common{})[0]), describe(x); frames(got) != frames(want) || !strings.Contains(text, "\nframes: ") && !strings.HasPrefix(text, "frames: ") {
		t.Errorf("got %s, want %s\n%s", frames(got), frames(want), text)
	}
	short, l := websocket(t, "")
	short.Feed(FromServer, []byte(pongs), start)
	short.Settle(CauseServer, start)
	if text := l.last()[0].Transcript().String(); strings.Contains(text, "frames: ") {
		t.Error(text)
	}
}

// TestATranscriptKnowsHowALongTunnelEnded holds that a recording which stops within a frame, as that of a
// store does, does not hide the Close frames after it.
func TestATranscriptKnowsHowALongTunnelEnded(t *testing.T) {
	c, l := websocket(t, "")
	closing := [2]string{FromClient: "\x88\x82\x00\x00\x00\x00\x0f\xa1", FromServer: "\x88\x02\x0f\xa1"}
	down := "\x81\x7e\x01\x00" + strings.Repeat("a", 256)
	c.Feed(FromServer, []byte(down), start)
	c.Feed(FromClient, []byte(closing[FromClient]), start)
	c.Feed(FromServer, []byte(closing[FromServer]), start)
	c.Wrote(FromServer, len(handshake)+len(switching)+len(down)+len(closing[FromServer]))
	c.Settle(CauseServer, start)
	kept := *l.last()[0]
	kept.After.Server = kept.After.Server[:64]
	again, err := ParseTranscript([]byte(kept.Transcript().String()))
	if err != nil {
		t.Fatal(err)
	}
	want := Word{Kind: WordClose, Code: 4001}
	if e := again.Exchanges(Common{})[0].After.End; e.Client != want || e.Server != want || e.First != "client" {
		t.Errorf("got %+v", e)
	}
}

// frames returns the line about frames of a description.
func frames(description string) string {
	_, rest, _ := strings.Cut(description, "\n  frames ")
	line, _, _ := strings.Cut(rest, "\n")
	return line
}

// TestRedactedFramesHaveNoPayload checks what a transcript says of a tunnel whose payload is blanked
// out: of Close frames their codes, and nothing where these are blanked out too. With the facts of its
// frames it says what they say.
func TestRedactedFramesHaveNoPayload(t *testing.T) {
	c, l := websocket(t, "")
	c.Feed(FromClient, []byte("\x81\x82\xab\xcd\xef\x01\xc3\xa4\x88\x86\xab\xcd\xef\x01\xa8\x24\x8d\x78\xce\xcd"), start)
	c.Feed(FromServer, []byte("\x88\x02\x03\xe9"), start)
	c.Settle(CauseServer, start)
	x := l.last()[0]
	text := x.Transcript()
	blankOut := func(payloads ...string) After {
		for i := range text.Chunks {
			for _, p := range payloads {
				text.Chunks[i].Bytes = bytes.Replace(text.Chunks[i].Bytes, []byte(p), []byte(strings.Repeat("*", len(p))), 1)
			}
		}
		return text.Exchanges(Common{})[0].After
	}
	coded := blankOut("\xc3\xa4", "\x8d\x78\xce\xcd")
	for from, s := range coded.Frames.Sides {
		if want := x.After.Frames.Sides[from]; s.Close.Code != want.Close.Code || s.Close.Reason != "" || len(s.Faults) > 0 || s.All() != want.All() {
			t.Errorf("%v: %+v", ws.Side(from), s)
		}
	}
	if e := coded.End; e.Client.Code != x.After.End.Client.Code || e.Server.Code != 1001 || e.Client.Reason != "" {
		t.Errorf("%+v", e)
	}
	blanked := blankOut("\xa8\x24", "\x03\xe9")
	for from, s := range blanked.Frames.Sides {
		if s.Close != nil || len(s.Faults) > 0 || s.All() != x.After.Frames.Sides[from].All() {
			t.Errorf("%v: %+v", ws.Side(from), s)
		}
	}
	if blanked.End.Client.Kind != "" || blanked.End.Server.Kind != "" {
		t.Errorf("%+v", blanked.End)
	}
	x.After.ClientBytes = 1 << 20 // so that the facts are written
	text.Meta = x.FramesMeta()
	told := text.Exchanges(Common{})[0].After
	if told.End.Client != x.After.End.Client || told.End.Server != x.After.End.Server || told.Frames.Sides[ws.Client].Close.Code != x.After.End.Client.Code {
		t.Errorf("%+v", told.End)
	}
}
