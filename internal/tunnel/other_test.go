package tunnel

import (
	"strings"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/wire"
	"github.com/interlock-proxy/interlock/wire/h2"
	"github.com/interlock-proxy/interlock/wire/tlsrec"
)

func TestFramesOfHTTP2InWords(t *testing.T) {
	r := ruling(nil, time.Minute, true)
	f := &h2.Facts{Swapped: true, Idle: 2 * time.Second}
	f.Sides[h2.Client] = h2.Sent{
		Frames: [h2.Types]int64{h2.Data: 2, h2.Ping: 1}, Data: 5, Largest: 4, Opened: 1, Last: 3, Settings: []h2.Setting{{ID: 3, Value: 100}, {ID: 99, Value: 1}},
		Resets: []h2.Resets{{Code: 8, Count: 2}, {Code: h2.OtherCode, Count: 1}}, Cut: true,
	}
	f.Sides[h2.Server] = h2.Sent{
		GoAway: &h2.Goodbye{Code: 11, Last: 3, At: time.Second}, HTTP: true, Lost: true, Read: 70,
		Fault: &h2.Fault{Kind: h2.FaultSize, Frame: 2, Offset: 70, Head: h2.Head{Length: 99999, Type: 1, Stream: 1}},
	}
	r.X.After.Frames, r.X.After.HTTP2 = nil, f
	v := Of(r, nil)
	const want = `bytes | 2.0 kB; | 12 B;
frames | 2 data; 1 ping; 5 B of data; largest frame 4 B; |
streams | 1 opened, the last 3; 2 reset with CANCEL; 1 reset with another code; |
settings | concurrent streams 100; setting 99 1; |
pings | 1 without an acknowledgement; |
GOAWAY | | ! ENHANCE_YOUR_CALM, last stream 3, at 1.0 s;
fault | | ! frame-size, in frame 2 (headers, stream 1, 99999 bytes) at byte 70;
end | within a frame; | ! HTTP/1 begins at byte 70;
The longest time without a byte was 2.0 s, from 0 ms after the 101.
The server of HTTP/1.1 acts as the client of HTTP/2.`
	if got := written(v); got != want || v.Title != "HTTP/2 frames" || !v.Bad() {
		t.Errorf("%s\ngot\n%s\nwant\n%s", v.Title, got, want)
	}
}

func TestRecordsOfTLSInWords(t *testing.T) {
	r := ruling(nil, time.Minute, true)
	f := new(tlsrec.Facts)
	f.Sides[tlsrec.Client] = tlsrec.Sent{
		Records: [tlsrec.Types]int64{tlsrec.Handshake: 1, tlsrec.AlertRecord: 1}, Bytes: 80, Largest: 78, Alert: &tlsrec.Alert{Fatal: true, Description: 48, Count: 1},
		Hello: &tlsrec.Hello{Versions: []tlsrec.Version{0x304, 0x303}, ServerName: "a.test", ALPN: []string{"h2"}},
	}
	f.Sides[tlsrec.Server] = tlsrec.Sent{
		Hello: &tlsrec.Hello{Versions: []tlsrec.Version{0x303}, Cipher: 0xc02f}, Alert: &tlsrec.Alert{Sealed: true, Count: 1, At: time.Second},
		Fault: &tlsrec.Fault{Kind: tlsrec.FaultRecord, Record: 3, Offset: 90, Type: 9}, Lost: true, Read: 90,
	}
	r.X.After = wire.After{TLS: f}
	v := Of(r, nil)
	for _, want := range []string{
		"records | 1 alert; 1 handshake; 80 B of content, the largest record 78 B; |", "hello | TLS 1.3, TLS 1.2; server name a.test; ALPN h2; | TLS 1.2; cipher suite 0xc02f;",
		"alert | ! unknown_ca, at 0 ms; | encrypted, at 1.0 s;", "fault | | ! record, in record 3 (type 0x9, 0 bytes) at byte 90;", "end | | not read from byte 90 on;",
	} {
		if got := written(v); !strings.Contains(got, want+"\n") {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}
