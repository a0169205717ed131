package tunnel

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
	"github.com/interlock-proxy/interlock/wire/ws"
)

// frame makes a frame of a server, or of a client with the key 1, 2, 3, 4.
func frame(first byte, payload string, masked bool) []byte {
	b := []byte{first, byte(len(payload))}
	if !masked {
		return append(b, payload...)
	}
	b[1] |= 0x80
	b = append(b, 1, 2, 3, 4)
	for i := range len(payload) {
		b = append(b, payload[i]^byte(i&3+1))
	}
	return b
}

// step is what a side sends at a time after the 101.
type step struct {
	from ws.Side
	at   time.Duration
	b    []byte
}

func ruling(steps []step, end time.Duration, over bool) *rules.Ruling {
	r := ws.NewReader(ws.Terms{}, 0)
	x := &wire.Exchange{Outcome: wire.Switched, Final: over, Request: wire.ReadRequest(nil)}
	for _, s := range steps {
		r.Feed(s.from, s.b, s.at)
	}
	x.After = wire.After{Frames: r.Facts(), Ended: over, Open: end, ClientBytes: 2_000, ServerBytes: 12}
	return &rules.Ruling{X: x}
}

// written is all that a view says, a row a line.
func written(v *View) string {
	var b strings.Builder
	for _, r := range v.Rows {
		b.WriteString(r.Name)
		for _, side := range r.Sides {
			b.WriteString(" |")
			for _, l := range side {
				if l.Bad {
					b.WriteString(" !")
				}
				b.WriteString(" " + l.Text + ";")
			}
		}
		b.WriteByte('\n')
	}
	for _, m := range v.Marks {
		fmt.Fprintf(&b, "%s %s %d+%d: %s\n", m.Class, m.Side, m.From, m.Width, m.Text)
	}
	return b.String() + strings.Join(v.Notes, "\n")
}

func TestAViewSaysWhatTheFramesShow(t *testing.T) {
	const second = time.Second
	for name, test := range map[string]struct {
		ruling *rules.Ruling
		want   string
	}{
		"closed in order": {ruling([]step{
			{ws.Client, second, frame(0x81, "hello", true)}, {ws.Server, 2 * second, frame(0x89, "p", false)}, {ws.Client, 2*second + 5*time.Millisecond, frame(0x8a, "p", true)},
			{ws.Client, 8 * second, frame(0x88, "\x03\xe8token=S3CRET bye", true)}, {ws.Server, 8*second + 40*time.Millisecond, frame(0x88, "\x03\xe8", false)},
		}, 10*second, true), `
bytes | 2.0 kB; | 12 B;
frames | 1 text, 5 B; 1 close, 18 B; 1 pong, 1 B; | 1 close, 2 B; 1 ping, 1 B;
messages | 1 message, the largest 5 B; largest frame 18 B; | largest frame 2 B;
masking | every frame masked; ! 2 frames with the key of the frame before; | no frame masked;
pings | | 1 answered, after 5.0 ms;
close | first: 1000 (normal closure); reason "token=****** bye"; at 8.0 s; | second, 40 ms later: 1000 (normal closure);
idle  200+600: no byte for 6.0 s
close client 800+6: Close frame 1000 (normal closure), at 8.0 s
close server 804+6: Close frame 1000 (normal closure), at 8.0 s
The longest time without a byte was 6.0 s, from 2.0 s after the 101.`},
		"open, with faults": {ruling([]step{
			{ws.Client, 0, frame(0x81, "a", false)}, {ws.Client, 0, frame(0x81, "b", false)}, {ws.Server, 0, frame(0x89, "", false)}, {ws.Server, 0, frame(0xb3, "", false)},
		}, second, false), `
bytes | 2.0 kB; | 12 B;
frames | 2 text, 2 B; | 1 ping, 0 B; 1 reserved, 0 B;
messages | 2 messages, the largest 1 B; largest frame 1 B; |
masking | | no frame masked;
pings | | 1 without an answer, the oldest sent at 0 ms;
faults | ! frame 1 at byte 0: not masked; 1 more frame like it; | ! frame 2 at byte 2: a reserved bit is set; ! frame 2 at byte 2: reserved opcode 0x3;
end | | ! not read as frames from byte 2 on;
ping server 0+4: Ping without an answer, at 0 ms
`},
		"cut off": {ruling([]step{{ws.Client, 0, frame(0x01, "part", true)}, {ws.Server, 0, []byte("HTTP/1.1 400 Bad Request\r\n\r\n")}}, 0, true), `
bytes | 2.0 kB; | 12 B;
`},
	} {
		got := "\n" + written(Of(test.ruling, nil))
		if name == "cut off" {
			for _, want := range []string{"! ends within a message", "HTTP in place of a frame, from byte 0 on", " no Close frame"} {
				if !strings.Contains(got, want) {
					t.Errorf("%s: no %q in %s", name, want, got)
				}
			}
			continue
		}
		if got != test.want {
			t.Errorf("%s: got %s\nwant %s", name, got, test.want)
		}
	}
	if Of(&rules.Ruling{X: &wire.Exchange{}}, nil) != nil {
		t.Error("there is a view of frames that were not read")
	}
}
