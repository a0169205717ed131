package report

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/interlock-proxy/interlock/internal/capture"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
	frame "github.com/interlock-proxy/interlock/wire/ws"
)

// TestHARIsRead lets the reader of recorded traffic read the entries.
func TestHARIsRead(t *testing.T) {
	all := rulings(t)
	var found []*wire.Exchange
	r := capture.Reader{Observe: func(x *wire.Exchange) { found = append(found, x) }}
	if _, err := r.Read(strings.NewReader(render(t, "har", Options{}, all))); err != nil {
		t.Fatal(err)
	}
	if len(found) != len(all) {
		t.Fatalf("got %d exchanges, want %d", len(found), len(all))
	}
	for i, x := range found[:len(found)-1] {
		was := all[i].X
		if x.Request.Method != was.Request.Method || x.Request.Target != was.Request.Target || (x.Response == nil) != (was.Response == nil) ||
			x.Response != nil && x.Response.Status != was.Response.Status || len(x.Request.Fields) != len(was.Request.Fields) {
			t.Errorf("got %q, want %q", x.Request.Raw, was.Request.Raw)
		}
	}
}

// TestHARHasFrames wants the frames of both sides, with payload as far as it may be shown.
func TestHARHasFrames(t *testing.T) {
	x := *rulings(t)[3].X
	masked := "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"
	x.After.Client = []byte(masked)
	blank := rules.Evidence{}
	blank.Client = []byte("\x81\x85\x37\xfa\x21\x3d*****")
	blank.Server = []byte("\x01\x02hi\x80\x7e\x01\x00abc")
	full := rules.Evidence{}
	full.Client = x.After.Client
	at := float64(x.Time.Add(x.Took).UnixMilli()) / 1000
	want := []harMessage{
		{Type: "send", Time: at, Opcode: 1, Data: "*****", Length: 5},
		{Type: "receive", Time: at, Opcode: 1, Data: "hi", Length: 2},
		{Type: "receive", Time: at, Opcode: 0, Data: "abc", Length: 256},
	}
	if got := harMessages(&x, &blank); !slices.Equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := harMessages(&x, &full); len(got) != 1 || got[0].Data != "Hello" {
		t.Errorf("got %+v", got)
	}
	if got := frames([]byte("\x82\x03ab\xff"), true, ws.StateClientSide); len(got) != 1 || got[0].Data != "YWL/" || got[0].Encoding != "base64" {
		t.Errorf("got %+v", got)
	}
	for name, b := range map[string]string{
		"no mask": "\x81\x01a", "reserved opcode": "\x83\x80\x00\x00\x00\x00", "reserved bit": "\xc1\x80\x00\x00\x00\x00", "cut": "\x81\xff\x00", "HTTP": "GET / HTTP/1.1\r\n",
	} {
		if got := frames([]byte(b), true, ws.StateServerSide); len(got) != 0 {
			t.Errorf("%s: got %+v", name, got)
		}
	}
}

// TestHARHasMessages wants the messages of a tunnel where they are kept.
func TestHARHasMessages(t *testing.T) {
	x := *rulings(t)[3].X
	s := rules.Evidence{Messages: &frame.Messages{Kept: []frame.Message{
		{From: frame.Client, Kind: frame.Text, At: time.Second, Size: 5, Sent: 5, Frames: 1, Data: []byte("Hello")},
		{From: frame.Server, Kind: frame.Binary, Size: frame.SizeUnknown, Sent: 9, Frames: 1, Cut: frame.CutRatio, Data: []byte("\xff")},
		{From: frame.Server, Kind: frame.Text, Size: 7, Sent: 7, Frames: 1, Shape: `{"a": number}`},
		{From: frame.Server, Kind: frame.Close, Frames: 1, Data: []byte{}},
	}}}
	at := float64(x.Time.Add(x.Took).UnixMilli()) / 1000
	want := []harMessage{
		{Type: "send", Time: float64(x.Time.Add(x.Took+time.Second).UnixMilli()) / 1000, Opcode: 1, Data: "Hello", Length: 5},
		{Type: "receive", Time: at, Opcode: 2, Data: "/w==", Encoding: "base64", Length: 9, Cut: "ratio"},
		{Type: "receive", Time: at, Opcode: 1, Length: 7, Shape: `{"a": number}`},
		{Type: "receive", Time: at, Opcode: 8},
	}
	if got := harMessages(&x, &s); !slices.Equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestURLs(t *testing.T) {
	for _, c := range []struct{ target, host, backend, want string }{
		{"/chat?a=b%20c&d", "staging.test:8080", "", "ws://staging.test:8080/chat?a=b%20c&d"},
		{"/a b\x80%zz[1]\\{}", "a", "", "ws://a/a%20b%80%25zz%5B1%5D%5C%7B%7D"},
		{"http://other.test/x?y", "a", "", "ws://a/x?y"},
		{"http://other.test", "a", "", "ws://a/"},
		{"*", "a", "", "ws://a/*"},
		{"/", "user@a", "192.0.2.9:80", "ws://192.0.2.9:80/"},
		{"/", "$(reboot) <x>", "", "ws://unknown.invalid/"},
		{"/", "[::1]:80", "", "ws://[::1]:80/"},
	} {
		x := &wire.Exchange{Backend: c.backend, Request: wire.ReadRequest([]byte("GET " + c.target + " HTTP/1.1\r\nHost: " + c.host + "\r\nUpgrade: websocket\r\n\r\n"))}
		x.Request.Target = c.target
		if got := new(harURLs).of(x, x.Request); got != c.want {
			t.Errorf("%q at %q: got %q, want %q", c.target, c.host, got, c.want)
		}
	}
}

// TestEntriesAreWrittenAsJSON compares entries with what encoding/json writes.
func TestEntriesAreWrittenAsJSON(t *testing.T) {
	w := harWriter{}
	for name, all := range corpora(t) {
		for _, r := range all {
			e := w.entry(r)
			for _, took := range []time.Duration{0, time.Microsecond, 1234567 * time.Microsecond, math.MaxInt64} {
				e.Time = float64(took.Microseconds()) / 1000
				want, err := json.Marshal(e)
				if err != nil {
					t.Fatal(err)
				}
				if got, err := e.appendTo(nil); err != nil || string(got)+"}" != string(want) {
					t.Fatalf("%s: got\n%s}, %v\nwant\n%s", name, got, err, want)
				}
			}
		}
	}
}
