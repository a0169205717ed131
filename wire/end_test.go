package wire

import (
	"testing"
	"time"
)

// ended is the exchange of a transcript whose handshake is accepted, with what follows.
func ended(t *testing.T, after string) *Exchange {
	t.Helper()
	text := "\n> " + Escape([]byte(asked)) + "\n< " + Escape([]byte(switched)) + "\n" + after
	tr, err := ParseTranscript([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	x := tr.Exchanges(Common{})[0]
	if x.After.End == nil {
		t.Fatal("the end is not known")
	}
	return x
}

func TestEndOfATunnel(t *testing.T) {
	const masked = `\x00\x00\x00\x00`
	for _, test := range []struct {
		name, after    string
		client, server Word
		idle           time.Duration
		first          string
	}{
		{"nothing at all", "! idle 60s\n! closed\n", Word{Kind: WordNothing}, Word{Kind: WordNothing}, time.Minute, ""},
		{"a close each", "< \\x88\\x02\\x03\\xe8\n> \\x88\\x82" + masked + "\\x03\\xe8\n! closed\n",
			Word{WordClose, 1000, ""}, Word{WordClose, 1000, ""}, 0, "server"},
		{"masked, with a reason", "> \\x88\\x84\\x01\\x02\\x03\\x04\\x02\\xe8aj\n! idle 2s\n! client closed\n", Word{WordClose, 1002, "bn"}, Word{Kind: WordNothing}, 2 * time.Second, ""},
		{"a close without a code", "< \\x88\\x00\n! closed\n", Word{Kind: WordNothing}, Word{WordClose, NoCode, ""}, 0, ""},
		{"an unanswered ping", "< \\x81\\x02hi\n> \\x89\\x80" + masked + "\n! idle 90s\n! reset\n", Word{Kind: WordPing}, Word{Kind: WordText}, 90 * time.Second, "server"},
		{"a frame that is cut", "< \\x82\\x05hi\n! closed\n", Word{Kind: WordNothing}, Word{Kind: WordCut}, 0, ""},
		{"an alert", "< \\x15\\x03\\x03\\x00\\x02\\x02\\x28\n! closed\n", Word{Kind: WordNothing}, Word{Kind: WordAlert}, 0, ""},
	} {
		e := ended(t, test.after).After.End
		if e.Client != test.client || e.Server != test.server || e.Idle != test.idle || e.First != test.first {
			t.Errorf("%s: got %+v", test.name, *e)
		}
	}
}

// TestCloseFramesInOneMillisecond holds that a local tunnel was closed by the side that sent its Close
// frame first, although the server ended the connection (RFC 6455 §7.1.1).
func TestCloseFramesInOneMillisecond(t *testing.T) {
	closing := [2][]byte{FromClient: []byte("\x88\x82\x00\x00\x00\x00\x03\xe8"), FromServer: []byte("\x88\x02\x03\xe8")}
	for first, want := range [2]string{FromClient: "client", FromServer: "server"} {
		var c Conversation
		l := listen(&c)
		c.Feed(FromClient, []byte(asked), start)
		c.Feed(FromServer, []byte(switched), start)
		at := start.Add(time.Second)
		c.Feed(Direction(first), closing[first], at)
		c.Feed(Direction(1-first), closing[1-first], at)
		c.Settle(CauseServer, at)
		if e := l.reports[len(l.reports)-1].After.End; e.First != want {
			t.Errorf("got %q, want %q", e.First, want)
		}
	}
}

// TestLastReads holds what is known of the end of a tunnel whose bytes are not fed.
func TestLastReads(t *testing.T) {
	long := make([]byte, 1000)
	for i := range long {
		long[i] = 'x'
	}
	message := append([]byte{0x81, 126, 0x03, 0xe8}, long...)
	closing := []byte("\x88\x07\x03\xf0never")
	for _, test := range []struct {
		name string
		read []byte
		want Word
	}{
		{"a close alone", closing, Word{WordClose, 1008, "never"}},
		{"a close after a short message", append([]byte("\x81\x02hi"), closing...), Word{WordClose, 1008, "never"}},
		{"a close after a long message", append(message[:len(message):len(message)], closing...), Word{WordClose, 1008, "never"}},
		{"a close after the rest of a message", append(long[:50:50], closing...), Word{WordClose, 1008, "never"}},
		{"a ping", []byte("\x89\x00"), Word{Kind: WordPing}},
		{"a long message", message, Word{Kind: WordBytes}},
		{"the rest of a message", long[:50], Word{Kind: WordBytes}},
		{"nothing that was seen", nil, Word{}},
	} {
		var c Conversation
		l := listen(&c)
		c.Feed(FromClient, []byte(asked), start)
		c.Feed(FromServer, []byte(switched), start)
		c.Feed(FromServer, append(message, message...), start)
		at, last := start.Add(time.Minute), new(LastRead)
		if last.Keep(test.read, at); test.read == nil {
			last.Pass(at)
		}
		c.Ending(at.Add(30 * time.Second))
		c.Closing([2]*LastRead{FromServer: last}, true)
		c.Settle(CauseServerReset, at.Add(31*time.Second))
		e := l.reports[len(l.reports)-1].After.End
		if e.Server != test.want || e.Client.Kind != WordNothing || !e.Lost || e.Idle != 30*time.Second || e.Open != 90*time.Second {
			t.Errorf("%s: got %+v", test.name, *e)
		}
	}
}

// FuzzLastWord holds that any bytes have a last word, and that a Close frame after any message is
// found.
func FuzzLastWord(f *testing.F) {
	for _, seed := range []string{"", "\x81\x02hi", "\x88\x80\x00\x00\x00\x00", "\x88\x7e\xff", "\x15\x03\x03\x00\x02\x02\x28", "\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xff"} {
		f.Add([]byte(seed), true, true)
	}
	f.Fuzz(func(t *testing.T, b []byte, client, whole bool) {
		length := []byte{byte(len(b) >> 8), byte(len(b))}
		from, message, closing := FromServer, append([]byte{0x82, 126}, length...), []byte("\x88\x04\x03\xe9by")
		if client {
			from, message = FromClient, append([]byte{0x82, 0xfe, length[0], length[1]}, 0, 0, 0, 0)
			closing = []byte("\x88\x84\x00\x00\x00\x00\x03\xe9by")
		}
		if w := lastWord(b, from, true, whole, false); w.Kind == "" || len(w.Reason) > 123 || w.Code > 1<<16 {
			t.Errorf("got %+v", w)
		}
		lastWord(b, from, false, whole, false)
		var l LastRead
		if len(b) > 0xffff {
			return
		}
		l.Keep(append(append(message, b...), closing...), start)
		if w := lastWord(l.kept[:l.count], from, true, false, l.cut); w.Kind != WordClose {
			t.Errorf("got %+v of a read that ends with a Close frame", w)
		}
	})
}
