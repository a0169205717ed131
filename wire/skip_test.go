package wire

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/wire/h2"
)

func TestOnlyContentOfKnownLengthIsSkipped(t *testing.T) {
	const (
		post    = ">POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n"
		chunked = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n"
	)
	offer := strings.Replace(handshake, "GET", "POST", 1)
	offer = ">" + strings.Replace(offer, "\r\n\r\n", "\r\nContent-Length: 9\r\n\r\n", 1)
	for name, test := range map[string]struct {
		parts    []string
		up, down int64
	}{
		"nothing has come":               {nil, 0, 0},
		"in a request head":              {[]string{post[:20]}, 0, 0},
		"after a request head":           {[]string{post}, 9, 0},
		"in its content":                 {[]string{post + "abc"}, 6, 0},
		"after its body":                 {[]string{post + "abcdefghi"}, 0, 0},
		"a request without content":      {[]string{">" + plain}, 0, 0},
		"a request in chunks":            {[]string{">" + chunked}, 0, 0},
		"content of an offer":            {[]string{offer + "a"}, 8, 0},
		"body after an offer":            {[]string{offer + "abcdefghi" + post[1:]}, 0, 0},
		"body long after an offer":       {[]string{">" + handshake + strings.Repeat(plain, 30) + post[1:] + "a"}, 8, 0},
		"after a response head":          {[]string{">" + plain, "<HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n"}, 0, 7},
		"in both directions":             {[]string{post, "<HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nab"}, 9, 5},
		"a response to a HEAD":           {[]string{">HEAD / HTTP/1.1\r\n\r\n", "<HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n"}, 0, 0},
		"a response until the end":       {[]string{">" + plain, "<HTTP/1.1 200 OK\r\n\r\nabc"}, 0, 0},
		"a response in chunks":           {[]string{">" + plain, "<HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n"}, 0, 0},
		"a response to an offer":         {[]string{">" + handshake, "<HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n"}, 0, 7},
		"a tunnel":                       {[]string{">" + handshake, "<" + switching}, 0, 0},
		"body before a tunnel":           {[]string{offer, "<" + switching}, 0, 0},
		"a response that cannot be read": {[]string{post, "<SSH-2.0"}, 9, 0},
		"an opaque connection":           {[]string{">\x16", "<SSH-2.0"}, 0, 0},
		"an ambiguous request":           {[]string{">POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"}, 0, 0},
	} {
		c, _ := conversation(t, test.parts...)
		if up, down := c.Skippable(FromClient), c.Skippable(FromServer); up != test.up || down != test.down {
			t.Errorf("%s: got %d and %d, want %d and %d", name, up, down, test.up, test.down)
		}
		c.Settle(CauseClient, start)
		if c.Skippable(FromClient) != 0 || c.Skippable(FromServer) != 0 {
			t.Errorf("%s: something is to be skipped after the end", name)
		}
	}
}

func TestContentThatIsKeptIsNotSkipped(t *testing.T) {
	var c Conversation
	l := listen(&c)
	l.common.Content = true
	const more = 100
	c.Feed(FromClient, []byte(handshake), start)
	c.Feed(FromServer, fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", MaxContent+more), start)
	c.Feed(FromServer, make([]byte, MaxContent-1), start)
	if got := c.Skippable(FromServer); got != 0 {
		t.Errorf("one byte too early: got %d", got)
	}
	c.Feed(FromServer, make([]byte, 1), start)
	if got := c.Skippable(FromServer); got != more {
		t.Errorf("got %d, want %d", got, more)
	}
	c.Skip(FromServer, more+1, start)
	if len(l.reports) != 1 || len(l.reports[0].Content) != MaxContent || !c.down.Resting() {
		t.Errorf("%d reports, at rest %v", len(l.reports), c.down.Resting())
	}
}

// contents returns messages with bodies of known length, next to each other and mixed with bytes
// that cannot be skipped.
func contents() map[string]*Transcript {
	message := func(line, field string, n int) string {
		return fmt.Sprintf("%s\r\nHost: a\r\n%sContent-Length: %d\r\n\r\n%s", line, field, n, strings.Repeat("x", n))
	}
	const post, ok, no, upgrade = "POST / HTTP/1.1", "HTTP/1.1 200 OK", "HTTP/1.1 400 No", "Connection: Upgrade\r\nUpgrade: websocket\r\n"
	offer := message(post, upgrade, 40)
	upgraded := func(text string) string { return text + strings.Repeat("\x8a\x00", MaxRecorded/2) }
	up := strings.Repeat("\x8a\x80abcd", MaxRecorded/6+1)
	all := map[string]*Transcript{}
	for name, chunks := range map[string][]string{
		"one":                    {message(post, "", 300), message(ok, "", 300)},
		"pipelined":              {message(post, "", 30) + plain + message(post, "", 50), message(ok, "", 20) + answer + message(ok, "", 9)},
		"offers":                 {offer + offer, message(no, "", 20) + message(no, "", 9), offer, message(no, upgrade, 90), plain, answer},
		"switch":                 {offer + "early", switching, "frame", "frame"},
		"switch in its content":  {offer[:len(offer)-20], switching, offer[len(offer)-20:] + "frame", "frame"},
		"refusal in its content": {offer[:len(offer)-20], message(no, "", 9), offer[len(offer)-20:] + handshake, switching},
		"long after an offer":    {handshake + message(post, "", 2000) + handshake + "frame", message(no, "", 3) + answer, "more", switching},
		"no answer":              {message(post, "", 30) + offer},
		"frames":                 {handshake, upgraded(switching), up, "\x82\x7e\x04\x00" + strings.Repeat("x", 1<<10) + "\x01\x01a", "\x82\xfe\x02\x00abcd" + strings.Repeat("y", 1<<9), "\x89\x01b\x80\x01c\xc1"},
		"large text":             {handshake, upgraded(switching), up, "\x81\x7f\x00\x00\x00\x00\x00\x01\x11\x70" + strings.Repeat("x", 70_000) + "HTTP/1.1 500", "\x88\x80abcd"},
		"http2":                  {h2cOffer, h2cSwitch + http2Of(0, emptySettings), h2.Preface + http2Of(1, emptySettings), http2Of(1, ""), calm, "more"},
		"tls":                    {tlsOffer, tlsSwitch + tlsHello + "\x16\x03\x03\x08\x00" + strings.Repeat("x", 1<<11), "GET / HTTP/1.1", tlsAlert, "more"},
		"answer that breaks off": {offer, message(ok, "", 90)[:80]},
	} {
		t := new(Transcript)
		for i, text := range chunks {
			t.Add(Direction(i%2), []byte(text))
		}
		all[name] = t
	}
	return all
}

// state returns everything that a conversation can be asked.
func state(c *Conversation, l *listener) string {
	var b strings.Builder
	for _, x := range l.reports {
		fmt.Fprintf(&b, "%s/%d %v %v %q %s", x.ID, x.Revision, x.Time, x.Took, x.Content, describe(x))
	}
	fmt.Fprintf(&b, "%v %v %v %v %v %q", c.Resting(), c.Undecided(), c.Opaque(), c.Switched(), c.Unreadable(), c.Unread())
	fmt.Fprintf(&b, " %v %v %d %d", c.HeadSince(), c.Due(), c.Passable(FromClient), c.Passable(FromServer))
	return b.String()
}

// TestSkippingChangesNothing checks that a conversation in which body bytes are skipped, wholly or
// in part, gives the same reports and the same state after each piece as one that sees every byte.
func TestSkippingChangesNothing(t *testing.T) {
	all, own := corpus(t), contents()
	for name, transcript := range own {
		all[name] = transcript
	}
	skipped := [2]int{}
	for name, transcript := range all {
		seeds := uint64(4)
		if own[name] != nil {
			seeds = 50
		}
		for seed := range seeds {
			random := rand.New(rand.NewPCG(seed, 7))
			var fed, leapt Conversation
			whole, less := listen(&fed), listen(&leapt)
			whole.common.Content, less.common.Content = seed&1 == 0, seed&1 == 0
			whole.common.Every, less.common.Every = seed&2 == 0, seed&2 == 0
			for i, chunk := range transcript.Chunks {
				now := start.Add(time.Duration(i) * 20 * time.Second)
				for p := chunk.Bytes; len(p) > 0; {
					n := min(len(p), 1+random.IntN(1+len(p)))
					skip := int(min(leapt.Skippable(chunk.From), int64(n)))
					if random.IntN(3) == 0 {
						skip = random.IntN(skip + 1)
					}
					fed.Feed(chunk.From, p[:n], now)
					fed.Wrote(chunk.From, n)
					leapt.Skip(chunk.From, int64(skip), now)
					leapt.Feed(chunk.From, p[skip:n], now)
					leapt.Wrote(chunk.From, n)
					skipped[chunk.From] += skip
					if got, want := state(&leapt, less), state(&fed, whole); got != want {
						t.Fatalf("%s, seed %d, with %d of %d bytes skipped:\n got %s\nwant %s", name, seed, skip, n, got, want)
					}
					p = p[n:]
				}
				fed.Tick(now)
				leapt.Tick(now)
			}
			finish(&fed, transcript.End, start.Add(time.Hour))
			finish(&leapt, transcript.End, start.Add(time.Hour))
			if got, want := state(&leapt, less), state(&fed, whole); got != want {
				t.Fatalf("%s, seed %d, at the end:\n got %s\nwant %s", name, seed, got, want)
			}
		}
	}
	if skipped[FromClient] < 5_000 || skipped[FromServer] < 5_000 {
		t.Errorf("only %d bytes were skipped", skipped)
	}
}
