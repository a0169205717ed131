package wire

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/wire/h2"
)

const (
	h2cOffer  = "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAUAAIAA\r\n\r\n" // frames of up to 32,768 bytes
	h2cSwitch = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"

	emptySettings = "\x00\x00\x00\x04\x00\x00\x00\x00\x00"
	calm          = "\x00\x00\x08\x07\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x0b" // GOAWAY with ENHANCE_YOUR_CALM
)

// http2Of is a few frames of data on a stream, after those bytes.
func http2Of(stream byte, first string) string {
	data := "\x00\x02\x00\x00\x00\x00\x00\x00" + string(stream) + strings.Repeat("x", 1<<9)
	if stream == 0 { // of a server: the answer in stream 1
		return first + "\x00\x00\x01\x01\x04\x00\x00\x00\x01\x88" + http2Of(1, "")
	}
	return first + data + data + data
}

func TestHTTP2IsReadToTheEnd(t *testing.T) {
	c, l := conversation(t, ">"+h2cOffer, "<"+h2cSwitch+http2Of(0, emptySettings)+"\x00\x40\x01\x00\x00\x00\x00\x00\x01"+strings.Repeat("x", 1<<14+1), ">"+h2.Preface+http2Of(1, emptySettings))
	c.Wrote(FromServer, 1<<15)
	c.Tick(start.Add(AftermathFor))
	if c.Recording(FromServer) || !c.Reading(FromServer) {
		t.Errorf("recording %v, reading %v", c.Recording(FromServer), c.Reading(FromServer))
	}
	c.Feed(FromServer, []byte(calm), start.Add(time.Minute))
	c.Settle(CauseServer, start.Add(time.Minute))
	x := l.last()[0]
	s := &x.After.HTTP2.Sides[h2.Server]
	if s.Fault != nil || s.Frames[h2.Data] != 4 || s.Largest != 1<<14+1 || s.GoAway == nil || s.GoAway.Code.String() != "ENHANCE_YOUR_CALM" || s.GoAway.At.Round(time.Second) != time.Minute {
		t.Errorf("%+v", s)
	}
	if s := &x.After.HTTP2.Sides[h2.Client]; !s.Preface || s.Frames[h2.Data] != 3 || s.Fault != nil || x.After.Frames != nil {
		t.Errorf("%+v", s)
	}
	text := x.Transcript().String()
	again, err := ParseTranscript([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	got, _ := json.Marshal(again.Exchanges(Common{})[0].After.HTTP2)
	if want, _ := json.Marshal(x.After.HTTP2); string(got) != string(want) || !strings.Contains(text, "http2: ") {
		t.Errorf("got %s, want %s\n%s", got, want, text)
	}
}

func TestFaultsOfHTTP2AreReportedWhenTheyCome(t *testing.T) {
	c, l := conversation(t, ">"+h2cOffer, "<"+h2cSwitch+http2Of(0, emptySettings), ">"+h2.Preface+emptySettings)
	c.Tick(start.Add(time.Minute))
	before := len(l.reports)
	c.Feed(FromServer, []byte("HTTP/1.1 500 No\r\n"), start.Add(time.Hour))
	if n := len(l.reports) - before; n != 1 {
		t.Fatalf("%d reports", n)
	}
	s := &l.reports[before].After.HTTP2.Sides[h2.Server]
	if s.Fault == nil || s.Fault.Kind != h2.FaultSize || s.Fault.Offset != int64(len(http2Of(0, emptySettings))) || !s.HTTP || c.Reading(FromServer) {
		t.Errorf("%+v, %+v", s, s.Fault)
	}
}

// TestHTTP2InATunnelAllocatesNothing checks a tunnel whose first bytes are known.
func TestHTTP2InATunnelAllocatesNothing(t *testing.T) {
	c, _ := conversation(t, ">"+h2cOffer, "<"+h2cSwitch+http2Of(0, emptySettings), ">"+h2.Preface+http2Of(1, emptySettings))
	c.Tick(start.Add(AftermathFor))
	more := []byte(http2Of(1, ""))
	now := start.Add(time.Minute)
	if n := testing.AllocsPerRun(1000, func() {
		c.Feed(FromClient, more, now)
		c.Feed(FromServer, more, now)
	}); n != 0 && !raced {
		t.Errorf("%v allocations", n)
	}
	c, l := conversation(t)
	l.common.NoFrames = true
	c.Feed(FromClient, []byte(h2cOffer), start)
	c.Feed(FromServer, []byte(h2cSwitch+emptySettings), start)
	c.Settle(CauseServer, start)
	if l.last()[0].After.HTTP2 != nil {
		t.Error("the frames are read, but nobody wants them")
	}
}
