package wire

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestSwitchIsFoundWhereReadingStops checks that a 101 is found after bytes that cannot be parsed
// as a response, however they are split. A caller that forwards only parsed bytes must hold back
// everything from the unparsed bytes on.
func TestSwitchIsFoundWhereReadingStops(t *testing.T) {
	for name, test := range map[string]struct {
		before, noise string // a part that can be parsed, and a part that cannot
		want          string // the exchanges: outcome, status, noise
	}{
		"interim that ends in bare LF":       {"", "HTTP/1.1 100 C\n\n", "switched 101"},
		"interim with a bare empty line":     {"", "HTTP/1.1 100 C\r\n\n", "switched 101"},
		"interim of HTTP/2":                  {"", "HTTP/2.0 100 C\r\n\r\n", "switched 101"},
		"interim in lower case":              {"", "http/1.1 100 C\r\n\r\n", "switched 101"},
		"after one that can be parsed":       {"HTTP/1.1 103 Early Hints\r\n\r\n", "HTTP/1.1 100 C\n\n", "switched 101"},
		"interim without its empty line":     {"", "HTTP/1.1 100 C\r\n", "switched 101"},
		"a field in front of the empty line": {"", "HTTP/1.1 100 C\r\nA: b\r", "switched 101"},
		"frames":                             {"", "\x81\x05hello\r\n", "switched 101"},
		"frames alone":                       {"", "\x81\x05he\nlo\x82\x7e\x00\x80" + strings.Repeat("x", 128), "switched 101"},
		"a frame and no other":               {"", "\x81\x00\x01\x02\n", "switched 101"},
		"a long frame that is none":          {"", "\x81\x7e\xff\xff\n", "switched 101"},
		"a line":                             {"", "220 mail.test ESMTP\r\n", "switched 101"},
		"a digit too many":                   {"", "HTTP/1.1 1010 C\r\n", "switched 101"},
		"lines that look like it":            {"", "x\nHTTP/1.1 101\x00\nHTTP/1.1 10\nHTTP/\n", "switched 101"},
		"a space in front":                   {"", "\x00\n", "switched 101"},
		"a refusal":                          {"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 100 C\r\n\r\n", "refused 403|late 101"},
		"a chunk that is none":               {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "x\r\n", "ignored 200|late 101"},
		"two answers":                        {"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n", "refused 403|late 101"},
		"an answer without a clear end":      {"HTTP/1.1 200 OK\n\n", "", "ignored 200|late 101"},
	} {
		for split, cut := range splits {
			said := &Transcript{Chunks: []Chunk{{From: FromClient, Bytes: []byte(handshake)}, {From: FromServer, Bytes: []byte(test.before + test.noise + switching + "\x81\x00")}}}
			var c Conversation
			l := listen(&c)
			for _, chunk := range said.Chunks {
				for p := chunk.Bytes; len(p) > 0; {
					n := cut(len(p))
					c.Feed(chunk.From, p[:n], start)
					p = p[n:]
				}
			}
			if got, most := c.Passable(FromServer), int64(len(test.before)); got > most && name != "frames" {
				t.Errorf("%s, %s: %d bytes may be passed on, want %d", name, split, got, most)
			}
			c.Settle(CauseClient, start.Add(time.Second))
			var got []string
			for _, x := range l.last() {
				got = append(got, fmt.Sprintf("%s %d", x.Outcome, x.Response.Status))
				if x.Response.Status == 101 && (string(x.Response.Raw) != switching || test.before == "" && string(x.Noise) != test.noise) {
					t.Errorf("%s, %s: got %s", name, split, describe(x))
				}
				if x.Outcome == Switched && string(x.After.Server) != "\x81\x00" {
					t.Errorf("%s, %s: the tunnel begins with %q", name, split, x.After.Server)
				}
			}
			if strings.Join(got, "|") != test.want {
				t.Errorf("%s, %s: got %q, want %q", name, split, got, test.want)
			}
		}
	}
}

// TestSearchForASwitchIsBounded checks that the search ends after a number of bytes, and after a
// time.
func TestSearchForASwitchIsBounded(t *testing.T) {
	c, l := conversation(t, ">"+handshake, "<\x00")
	for range maxSought - 1 {
		if c.Opaque() {
			t.Fatal("given up too soon")
		}
		c.Feed(FromServer, []byte("x"), start)
	}
	if x := l.last(); !c.Opaque() || c.reading != nil || len(x) != 1 || x[0].Outcome != Opaque || len(x[0].Noise) != MaxRecorded {
		t.Errorf("after %d bytes: opaque %v, %d exchanges", maxSought, c.Opaque(), len(x))
	}
	c, l = conversation(t, ">"+handshake, "<\x00\x00\x06")
	if !c.Stopped() || c.Opaque() {
		t.Error("nothing is looked for")
	}
	c.Tick(c.Due())
	if x := l.last(); !c.Opaque() || len(x) != 1 || string(x[0].Noise) != "\x00\x00\x06" || !x[0].Final {
		t.Errorf("a while later: opaque %v, %d exchanges", c.Opaque(), len(x))
	}
}

// TestHeadThatIsCutOffIsAnAnswer checks that a status counts as an answer even if the connection
// ends before the head does.
func TestHeadThatIsCutOffIsAnAnswer(t *testing.T) {
	for head, want := range map[string]string{
		"HTTP/1.1 403 Forbidden\r\nServer: qemu\r\n": "refused 403 []",
		"HTTP/1.1 403 Forbidden\r\nServer: q":        "refused 403 []",
		"HTTP/1.1 403 Forbidden\r\n":                 "refused 403 []",
		"HTTP/1.1 403 Forb":                          "closed 0 [HTTP/1.1 403 Forb]",
		"HTTP/1.1 200 OK\r\n":                        "ignored 200 []",
		"HTTP/1.1 40":                                "closed 0 [HTTP/1.1 40]",
		"HTTP/1.1 100 Continue\r\n":                  "closed 0 [HTTP/1.1 100 Continue\r\n]",
		"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n":   "closed 0 [HTTP/1.1 101 Switching\r\nUpgrade: x\r\n]",
	} {
		c, l := conversation(t, ">"+handshake, "<"+head)
		c.Ended(FromServer, start.Add(time.Second))
		c.Settle(CauseServer, start.Add(time.Second))
		x := l.last()[0]
		status := 0
		if x.Response != nil {
			_, unfinished := x.Response.Flaw(FlawHeadUnfinished)
			if status = x.Response.Status; !unfinished || string(x.Response.Raw) != head {
				t.Errorf("%q: got %s", head, describe(x))
			}
		}
		if got := fmt.Sprintf("%s %d [%s]", x.Outcome, status, x.Noise); got != want || !x.Final || len(l.last()) != 1 {
			t.Errorf("%q: got %q, want %q", head, got, want)
		}
	}
}

// TestContentThatBeginsWithASwitch checks that a 101 is found in the body of a response to an offer
// if that body lasts until the connection ends, and in no other body.
func TestContentThatBeginsWithASwitch(t *testing.T) {
	const until, known = "HTTP/1.0 200 Connection established\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"
	for name, test := range map[string]struct {
		parts []string
		late  bool
	}{
		"an offer":         {[]string{">" + handshake, "<" + until + switching, ">\x81\x80abcd"}, true},
		"an empty line":    {[]string{">" + handshake, "<" + until + "\r\n" + switching}, true},
		"in pieces":        {[]string{">" + handshake, "<" + until, "<" + switching[:9], "<" + switching[9:20], "<" + switching[20:]}, true},
		"no offer":         {[]string{">" + plain, "<" + until + switching}, false},
		"a page":           {[]string{">" + handshake, "<" + until + "<html>\n" + switching}, false},
		"a length":         {[]string{">" + handshake, "<" + known + switching}, false},
		"the beginning":    {[]string{">" + handshake, "<" + until + switching[:10]}, false},
		"a page in pieces": {[]string{">" + handshake, "<" + until + "HTTP/1.1 1", "<00 is a status\n", "<" + switching}, false},
	} {
		c, l := conversation(t, test.parts...)
		c.Settle(CauseServer, start.Add(time.Second))
		last := l.last()
		if late := len(last) == 2; late != test.late {
			t.Errorf("%s: %s", name, describeAll(last))
		} else if !late {
			continue
		} else if x := last[1]; x.Outcome != Late || x.Former != last[0].Response || !bytes.Equal(x.Request.Raw, last[0].Request.Raw) || len(last[0].Next.Bytes) > 0 {
			t.Errorf("%s: %s", name, describeAll(last))
		}
	}
}
