package wire

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/wire/tlsrec"
)

const (
	tlsOffer  = "OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: TLS/1.2, HTTP/1.1\r\n\r\n"
	tlsSwitch = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: TLS/1.2, HTTP/1.1\r\n\r\n"

	// A ServerHello and a record with more than is recorded, and a fatal alert in the clear.
	tlsHello = "\x16\x03\x03\x00\x2a\x02\x00\x00\x26\x03\x03" + "01234567890123456789012345678901" + "\x00\xc0\x2f\x00"
	tlsAlert = "\x15\x03\x03\x00\x02\x02\x28"
)

func TestTLSIsReadToTheEnd(t *testing.T) {
	long := "\x16\x03\x03\x08\x00" + strings.Repeat("x", 1<<11)
	c, l := conversation(t, ">"+tlsOffer, "<"+tlsSwitch+tlsHello+long)
	c.Wrote(FromServer, 1<<12)
	c.Tick(start.Add(AftermathFor))
	if c.Recording(FromServer) || !c.Reading(FromServer) {
		t.Errorf("recording %v, reading %v", c.Recording(FromServer), c.Reading(FromServer))
	}
	c.Feed(FromServer, []byte(long[:10]), start)
	if got := c.Skippable(FromServer); got != 1<<11-5 {
		t.Errorf("skippable: %d", got)
	}
	c.Skip(FromServer, 1<<11-5, start)
	c.Feed(FromServer, []byte(tlsAlert), start.Add(time.Minute))
	c.Settle(CauseServer, start.Add(time.Minute))
	x := l.last()[0]
	s := &x.After.TLS.Sides[tlsrec.Server]
	if s.Fault != nil || s.Records[tlsrec.Handshake] != 3 || s.Hello == nil || s.Hello.Cipher != 0xc02f || s.Alert == nil || s.Alert.Description != 40 || x.After.End.Server.Kind != WordAlert {
		t.Errorf("%+v, end %+v", s, x.After.End)
	}
	text := x.Transcript().String()
	again, err := ParseTranscript([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	got, _ := json.Marshal(again.Exchanges(Common{})[0].After.TLS)
	if want, _ := json.Marshal(x.After.TLS); string(got) != string(want) || !strings.Contains(text, "tls-records: ") {
		t.Errorf("got %s, want %s\n%s", got, want, text)
	}
}

func TestGoodbyesAreTheLastWordsOfHTTP2(t *testing.T) {
	c, l := conversation(t, ">"+h2cOffer, "<"+h2cSwitch+http2Of(0, emptySettings)+calm)
	c.Settle(CauseServer, start)
	if e := l.last()[0].After.End; e.Server != (Word{Kind: WordGoAway, Code: 11}) {
		t.Errorf("%+v", e)
	}
}
