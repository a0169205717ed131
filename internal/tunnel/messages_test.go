package tunnel

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/wire/ws"
)

func TestMessagesAreListedInOrder(t *testing.T) {
	const ms = time.Millisecond
	kept := []ws.Message{
		{Kind: ws.Text, At: 5 * ms, Size: 7, Sent: 7, Frames: 1, Data: []byte("h\xc3\xa9\x1b[1m")},
		{From: ws.Server, Kind: ws.Binary, At: 2005 * ms, Size: 40, Sent: 12, Frames: 3, Compressed: true, Data: []byte(strings.Repeat("\x00", 40))},
		{Kind: ws.Text, At: 2006 * ms, Size: 20, Sent: 20, Frames: 1, Shape: `{"a": number}`},
		{From: ws.Server, Kind: ws.Text, At: 2007 * ms, Size: ws.SizeUnknown, Sent: 9, Frames: 1, Compressed: true, Cut: ws.CutCorrupt},
		{Kind: ws.Close, At: 3000 * ms, Size: 15, Sent: 15, Frames: 1, Data: []byte("\x03\xe8token=S3CRET")},
	}
	r := ruling([]step{{ws.Client, 5 * ms, frame(0x81, "hello", true)}}, 4*time.Second, true)
	v := Of(r, &ws.Messages{Kept: kept, Dropped: [2]int64{1, 2}})
	var got []string
	for _, m := range v.Messages {
		got = append(got, fmt.Sprintf("%s +%s %s %s %s: %s (%s) %v", m.At, m.Gap, m.Side, m.Kind, m.Size, m.Text, m.Note, m.Bad))
	}
	want := []string{
		`5.0 ms + client text 7 B: hé\x1b[1m () false`,
		`2.0 s +2.0 s server binary 12 B: ` + strings.Repeat("00", 32) + `... (in 3 frames, decompresses to 40 B) false`,
		`2.0 s + client text 20 B: {"a": number} () false`,
		`2.0 s + server text 9 B:  (compressed, cannot be decompressed) true`,
		`3.0 s + client close 15 B: 1000 token=****** () false`,
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if v.Dropped != "1 message of the client and 2 of the server came before these and are not kept." {
		t.Error(v.Dropped)
	}
	marks := 0
	for _, m := range v.Marks {
		if m.Class == "message" {
			marks++
		}
	}
	if marks != 4 {
		t.Errorf("%d messages are marked", marks)
	}
	if many := Of(r, &ws.Messages{Kept: make([]ws.Message, maxMessages+3)}); len(many.Messages) != maxMessages || !strings.HasPrefix(many.Dropped, "3 messages of the client") {
		t.Errorf("%d messages: %s", len(many.Messages), many.Dropped)
	}
}
