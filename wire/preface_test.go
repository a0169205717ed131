package wire

import (
	"testing"
	"time"
)

// TestServersThatDoNotWaitForThePreface has a server send its SETTINGS at once, in any split, before the
// client's preface or in the middle of it.
func TestServersThatDoNotWaitForThePreface(t *testing.T) {
	const (
		preface  = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
		settings = "\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x08\x00\x00\x00\x01"
		none     = "\x00\x00\x00\x04\x00\x00\x00\x00\x00"
		request  = "\x00\x00\x1d\x01\x05\x00\x00\x00\x01\x42\x07CONNECT\x86\x44\x01/\x41\x01a\x00\x09:protocol\x01x"
	)
	for cut := range len(preface) {
		for _, size := range []int{1, 9, len(settings)} {
			var got []*Exchange
			var c Conversation
			common := silent()
			common.Emit = func(x *Exchange) { got = append(got, x) }
			c.Open(common)
			now := time.Unix(1, 0)
			feed := func(d Direction, text string, size int) {
				for at := 0; at < len(text); at += size {
					c.Feed(d, []byte(text[at:min(at+size, len(text))]), now)
				}
			}
			feed(FromClient, preface[:cut], len(preface))
			feed(FromServer, settings, size)
			feed(FromClient, preface[cut:]+none+request, len(preface))
			c.Settle(CauseClient, now)
			if len(got) != 1 || got[0].Stream == nil || got[0].Request.Method != "CONNECT" {
				t.Fatalf("preface cut at %d, SETTINGS in pieces of %d: got %v", cut, size, got)
			}
		}
	}
}
