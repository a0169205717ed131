package wire

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	handshake = "GET /chat HTTP/1.1\r\nHost: staging.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
	switching = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
	refusal = "HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\nno"
	plain   = "GET /items HTTP/1.1\r\nHost: staging.test\r\n\r\n"
	answer  = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
)

var start = time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)

// play feeds a transcript in pieces and settles the conversation.
func play(t *Transcript, cut func(n int) int) []*Exchange { return through(t, cut, false) }

// leap is like play, but skips the bytes that need not be fed.
func leap(t *Transcript, cut func(n int) int) []*Exchange { return through(t, cut, true) }

func through(t *Transcript, cut func(n int) int, skipping bool) []*Exchange {
	var c Conversation
	l := listen(&c)
	for i, chunk := range t.Chunks {
		now := start.Add(time.Duration(i) * time.Millisecond)
		for p := chunk.Bytes; len(p) > 0; {
			n, skip := cut(len(p)), int64(0)
			if skipping {
				skip = min(c.Skippable(chunk.From), int64(n))
				c.Skip(chunk.From, skip, now)
			}
			c.Feed(chunk.From, p[skip:n], now)
			c.Wrote(chunk.From, n)
			p = p[n:]
		}
	}
	finish(&c, t.End, start.Add(time.Second/2))
	return l.last()
}

func describeAll(found []*Exchange) string {
	var b strings.Builder
	for _, x := range found {
		b.WriteString(describe(x))
	}
	return b.String()
}

func TestExchangesDoNotDependOnTheSplit(t *testing.T) {
	seen := 0
	for name, transcript := range corpus(t) {
		want := describeAll(play(transcript, splits["whole"]))
		seen += strings.Count(want, "request")
		for split, cut := range map[string]func(int) int{"bytes": splits["bytes"], "three": splits["three"], "random": seeded(11)} {
			if got := describeAll(play(transcript, cut)); got != want {
				t.Errorf("%s, %s:\n got %s\nwant %s", name, split, got, want)
			}
		}
	}
	if seen < 40 {
		t.Errorf("the corpus gave %d exchanges", seen)
	}
}

// conversation plays lines of a transcript and returns the conversation with its reports.
func conversation(t *testing.T, parts ...string) (*Conversation, *listener) {
	t.Helper()
	c := new(Conversation)
	l := listen(c)
	for i, part := range parts {
		from := FromClient
		if part == "." {
			c.Ended(FromClient, start)
			continue
		}
		if part[0] == '<' {
			from = FromServer
		}
		c.Feed(from, []byte(part[1:]), start.Add(time.Duration(i)*time.Millisecond))
		c.Wrote(from, len(part)-1)
	}
	return c, l
}

func TestConversationOutcomes(t *testing.T) {
	big := strings.Repeat("x", 70<<10)
	long := "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2000\r\n\r\n" + big[:2000]
	for _, test := range []struct {
		name  string
		parts []string
		cause Cause
		want  []string // outcome status early/after
	}{
		{"switch", []string{">" + handshake, "<" + switching + "\x81\x02hi", ">\x81\x80abcd"}, CauseClient, []string{`switched 101 early "" after "\x81\x80abcd" "\x81\x02hi"`}},
		{"refusal", []string{">" + handshake, "<" + refusal}, CauseClient, []string{`refused 400 early "" after "" ""`}},
		{"plain requests are only counted", []string{">" + plain + plain, "<" + answer + answer}, CauseClient, nil},
		{"early bytes", []string{">" + handshake + "\x89\x80abcd", "<" + switching}, CauseClient, []string{`switched 101 early "\x89\x80abcd" after "\x89\x80abcd" ""`}},
		{"bytes after a switch are not requests", []string{">" + handshake + plain, "<" + switching}, CauseClient,
			[]string{fmt.Sprintf(`switched 101 early %q after %q ""`, plain, plain)}},
		{"requests after a rejection count", []string{">" + handshake + handshake, "<" + refusal + refusal}, CauseClient,
			[]string{fmt.Sprintf(`refused 400 early %q after "" ""`, handshake), `refused 400 early "" after "" ""`}},
		{"the second of two switches", []string{">" + handshake + handshake + "\x89\x80abcd", "<" + refusal, "<" + switching}, CauseClient,
			[]string{fmt.Sprintf(`refused 400 early %q after "" ""`, handshake+"\x89\x80abcd"), `switched 101 early "\x89\x80abcd" after "\x89\x80abcd" ""`}},
		{"a switch far behind an offer that was refused", []string{">" + handshake + long + handshake + "\x89\x80abcd", "<" + refusal + answer, "<" + switching}, CauseClient,
			[]string{fmt.Sprintf(`refused 400 early %q after "" ""`, long[:MaxRecorded]), `switched 101 early "\x89\x80abcd" after "\x89\x80abcd" ""`}},
		{"426, then a switch", []string{">" + handshake, "<HTTP/1.1 426 Upgrade Required\r\nUpgrade: foo\r\nContent-Length: 0\r\n\r\n", ">" + handshake, "<" + switching}, CauseClient,
			[]string{`refused 426 early "" after "" ""`, `switched 101 early "" after "" ""`}},
		{"426 to a plain request", []string{">" + plain, "<HTTP/1.1 426 Upgrade Required\r\nUpgrade: TLS/1.2\r\nContent-Length: 0\r\n\r\n"}, CauseClient, []string{`refused 426 early "" after "" ""`}},
		{"unsolicited 101", []string{">" + plain, "<HTTP/1.1 101 Switching Protocols\r\n\r\n"}, CauseClient, []string{`switched 101 early "" after "" ""`}},
		{"101 to nothing", []string{">" + plain, "<" + answer, "<" + switching}, CauseClient, []string{`late 101 early "" after "" ""`}},
		{"no answer", []string{">" + handshake}, CauseServer, []string{`closed 0 early "" after "" ""`}},
		{"the client has ended before the server", []string{">" + handshake, "."}, CauseServer, []string{`closed 0 early "" after "" ""`}},
		{"half a head", []string{">" + handshake[:len(handshake)-2]}, CauseClient, []string{`closed 0 early "" after "" ""`}},
		{"dial", []string{">" + handshake}, CauseDial, []string{`local 0 early "" after "" ""`}},
		{"answer to half a head", []string{">" + handshake[:len(handshake)-2], "<" + refusal}, CauseServer, []string{`refused 400 early "" after "" ""`}},
		{"answer that is none", []string{">" + handshake, "<<html>"}, CauseServer, []string{`opaque 0 early "" after "" ""`}},
		{"head too long", []string{">" + strings.Replace(handshake, "\r\n\r\n", "\r\nA: "+big, 1), "<" + refusal}, CauseServer, []string{`refused 400 early "" after "" ""`}},
		{"ambiguous request switched", []string{">" + strings.Replace(handshake, "\r\n\r\n", "\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc", 1), "<" + switching + "x", ">def"}, CauseClient,
			[]string{`switched 101 early "" after "" "x" opaque`}},
		{"ambiguous request, then others", []string{">" + strings.Replace(handshake, "\r\n\r\n", "\r\nContent-Length: a\r\n\r\n", 1) + handshake, "<" + refusal + refusal}, CauseClient, []string{`refused 400 early "" after "" ""`}},
		{"101 before the content", []string{">" + strings.Replace(handshake, "\r\n\r\n", "\r\nContent-Length: 3\r\n\r\na", 1), "<" + switching, ">bcXYZ"}, CauseClient, []string{`switched 101 early "" after "XYZ" ""`}},
		{"content, then early bytes", []string{">" + strings.Replace(handshake, "\r\n\r\n", "\r\nContent-Length: 3\r\n\r\nabcX", 1), "<" + switching, ">YZ"}, CauseClient, []string{`switched 101 early "X" after "XYZ" ""`}},
		{"HEAD has no content", []string{">HEAD / HTTP/1.1\r\n\r\n" + handshake, "<HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n" + refusal}, CauseClient, []string{`refused 400 early "" after "" ""`}},
		{"interim responses", []string{">" + handshake, "<HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + switching}, CauseClient, []string{`switched 101 early "" after "" "" interim 2`}},
		{"CONNECT", []string{">CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", "<HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n", ">" + handshake}, CauseClient, nil},
		{"refused CONNECT", []string{">CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", "<HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n", ">" + handshake, "<" + refusal}, CauseClient, []string{`refused 400 early "" after "" ""`}},
		{"advertisement", []string{">" + plain, "<HTTP/1.1 200 OK\r\nUpgrade: h2\r\nContent-Length: 0\r\n\r\n"}, CauseClient, []string{`ignored 200 early "" after "" ""`}},
		{"until close", []string{">" + handshake, "<HTTP/1.1 200 OK\r\n\r\nabc"}, CauseServer, []string{`ignored 200 early "" after "" ""`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, l := conversation(t, test.parts...)
			if test.cause == CauseServer {
				c.Ended(FromServer, start.Add(time.Second))
			}
			c.Settle(test.cause, start.Add(time.Second))
			var got []string
			for _, x := range l.last() {
				status := 0
				if x.Response != nil {
					status = x.Response.Status
				}
				line := fmt.Sprintf("%s %d early %q after %q %q", x.Outcome, status, x.Early, x.After.Client, x.After.Server)
				if x.After.Opaque {
					line += " opaque"
				}
				if len(x.Interim) > 0 {
					line += fmt.Sprintf(" interim %d", len(x.Interim))
				}
				if x.Outcome == Closed && slices.Contains(test.parts, ".") && x.Cause != CauseClient {
					t.Errorf("%s by %s, want by the client", line, x.Cause)
				}
				if !x.Final || !x.Complete {
					t.Errorf("the last report of %s is not final", line)
				}
				got = append(got, line)
			}
			if strings.Join(got, "\n") != strings.Join(test.want, "\n") {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(test.want, "\n"))
			}
			if c.reading != nil || !c.Due().IsZero() {
				t.Errorf("a settled conversation holds memory or waits for something")
			}
		})
	}
}

func TestWhatIsNotReadIsSaid(t *testing.T) {
	for want, parts := range map[string][]string{
		"":    {">" + handshake, "<" + switching, ">\x16"},
		"TLS": {">\x16\x03\x01"},
		"HTTP/2 of the server from byte 0 on (fault)": {">PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00", "<HTTP/1.1 400 Bad Request\r\n\r\n"},
		"not HTTP/1": {">\x00\x01"},
		"PROXY header from the client: is its address in proxy_from?": {">\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c\x7f\x00\x00\x09\x7f\x00\x00\x01\x9c\x40\x01\xbb" + plain},
		"not HTTP/1 from the server":                                  {">" + plain, "<SSH-2.0"},
		"TLS from the server: is the scheme of the backend https?":    {">" + plain, "<\x15\x03\x01\x00\x02\x02\x0a"},
		"unfinished head":                       {">" + plain[:20]},
		"tunnel of a CONNECT":                   {">CONNECT a:1 HTTP/1.1\r\n\r\n", "<HTTP/1.1 200 OK\r\n\r\n"},
		"Content-Length with Transfer-Encoding": {">POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"},
		"too many unanswered requests":          {">" + strings.Repeat(plain, maxPending+1)},
	} {
		c, _ := conversation(t, parts...)
		c.Settle(CauseClient, start.Add(time.Hour))
		if got := c.Unread(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestReportsComeWhenTheyAreDue(t *testing.T) {
	c, l := conversation(t, ">"+handshake, "<"+switching)
	if len(l.reports) != 1 || l.reports[0].Complete || l.reports[0].Revision != 0 {
		t.Fatalf("after the head of the 101: %d reports", len(l.reports))
	}
	if want := start.Add(time.Millisecond + AftermathFor); !c.Due().Equal(want) {
		t.Fatalf("due %v, want %v", c.Due(), want)
	}
	c.Tick(c.Due())
	if len(l.reports) != 2 || !l.reports[1].Complete || l.reports[1].Final {
		t.Fatalf("a second later: %d reports", len(l.reports))
	}
	late := start.Add(time.Minute)
	c.Feed(FromClient, []byte("GET /x HTTP/1.1\r\n"), late)
	c.Tick(late.Add(LateBytesAfter))
	if len(l.reports) != 3 || string(l.reports[2].After.Client) != "GET /x HTTP/1.1\r\n" {
		t.Fatalf("late bytes: %d reports", len(l.reports))
	}
	c.Feed(FromClient, []byte("more"), late)
	if !c.Due().IsZero() {
		t.Error("late bytes are reported twice")
	}
	c.Settle(CauseServer, late.Add(time.Hour))
	last := l.reports[len(l.reports)-1]
	if len(l.reports) != 4 || !last.Final || last.Cause != CauseServer || last.Revision != 3 || last.After.Open < time.Hour {
		t.Errorf("end: %d reports, %s", len(l.reports), describe(last))
	}
	if len(l.reports[1].After.Client) != 0 {
		t.Error("a report has changed after it was made")
	}
}

func TestSilenceIsReportedAndAmended(t *testing.T) {
	c, l := conversation(t, ">"+plain+handshake)
	c.Tick(c.Due())
	if len(l.reports) != 1 || l.reports[0].Outcome != Silent || l.reports[0].Final {
		t.Fatalf("%d reports", len(l.reports))
	}
	c.Feed(FromServer, []byte(answer+switching), start.Add(time.Minute))
	c.Settle(CauseClient, start.Add(time.Hour))
	last := l.reports[len(l.reports)-1]
	if last.ID != l.reports[0].ID || last.Outcome != Switched || !last.Final {
		t.Errorf("got %s", describe(last))
	}
}

func TestUnfinishedResponseIsReported(t *testing.T) {
	c, l := conversation(t, ">"+handshake, "<HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n123")
	if len(l.reports) != 0 {
		t.Fatal("reported before its end")
	}
	c.Tick(c.Due())
	if len(l.reports) != 1 || l.reports[0].Outcome != Ignored {
		t.Fatalf("%d reports", len(l.reports))
	}
	c.Settle(CauseClient, start.Add(time.Hour))
	if len(l.reports) != 2 || !l.reports[1].Final || l.reports[1].ID != l.reports[0].ID {
		t.Error("not reported for a last time")
	}
}

// TestSilentOnesEndWithASwitch checks an exchange that was reported silent while it waited after
// another request. If the server switches on that other request, the silent exchange gets a final
// report, although its bytes turn out to be tunnel data.
func TestSilentOnesEndWithASwitch(t *testing.T) {
	c, l := conversation(t, ">"+handshake+handshake)
	c.Tick(start.Add(SilentAfter + time.Second))
	c.Feed(FromServer, []byte(switching), start.Add(SilentAfter+2*time.Second))
	c.Settle(CauseClient, start.Add(time.Hour))
	for i, want := range []Outcome{Switched, Silent} {
		if x := l.last()[i]; !x.Final || x.Outcome != want {
			t.Errorf("%d: got %s, final %t; want %s", i, x.Outcome, x.Final, want)
		}
	}
}

func TestWhatFollowsARefusalIsReported(t *testing.T) {
	for name, test := range map[string]struct {
		parts []string
		want  Next
	}{
		"nothing":   {[]string{">" + handshake, "<" + refusal}, Next{}},
		"a request": {[]string{">" + handshake, "<" + refusal, ">" + plain}, Next{[]byte(plain), true, false}},
		"one that is switched": {[]string{">" + handshake, "<" + refusal, ">" + handshake, "<" + switching},
			Next{[]byte(handshake)[:MaxNext], true, true}},
		"an answered one": {[]string{">" + handshake, "<" + refusal, ">" + plain, "<" + answer}, Next{[]byte(plain), true, true}},
		"half of one":     {[]string{">" + handshake + plain[:20], "<" + refusal}, Next{[]byte(plain[:20]), true, false}},
		"pipelined":       {[]string{">" + handshake + plain, "<" + refusal + answer}, Next{[]byte(plain), true, true}},
		"a frame":         {[]string{">" + handshake, "<" + refusal, ">\x81\x80abcd"}, Next{[]byte("\x81\x80abcd"), false, false}},
		"an early frame":  {[]string{">" + handshake + "\x81\x80abcd", "<" + refusal}, Next{[]byte("\x81\x80abcd"), false, false}},
		"TLS":             {[]string{">" + handshake, "<HTTP/1.1 426 Upgrade Required\r\nUpgrade: TLS/1.2\r\nContent-Length: 0\r\n\r\n", ">\x16\x03\x01"}, Next{[]byte("\x16\x03\x01"), false, false}},
	} {
		c, l := conversation(t, test.parts...)
		c.Settle(CauseClient, start.Add(time.Hour))
		x := l.last()[0]
		if !x.Final || string(x.Next.Bytes) != string(test.want.Bytes) || x.Next.HTTP != test.want.HTTP || x.Next.Answered != test.want.Answered {
			t.Errorf("%s: got %q %+v, want %+v", name, x.Next.Bytes, x.Next, test.want)
		}
	}
}

func TestPipeliningIsBounded(t *testing.T) {
	for name, request := range map[string]string{
		"many":  plain,
		"large": "GET / HTTP/1.1\r\nA: " + strings.Repeat("x", 60<<10) + "\r\n\r\n",
	} {
		c, l := conversation(t)
		for range 1000 {
			c.Feed(FromClient, []byte(request), start)
		}
		if c.ring == nil || len(c.ring.queue) > maxPending || len(c.ring.bytes) > maxPendingBytes {
			t.Errorf("%s: the bounds do not hold", name)
		}
		if l.common.Counts.Shed.Load() != 1 || c.Opaque() {
			t.Errorf("%s: shed %d, opaque %v", name, l.common.Counts.Shed.Load(), c.Opaque())
		}
		for n := len(c.ring.queue); n > 0; n-- {
			c.Feed(FromServer, []byte(answer), start)
		}
		if !c.Opaque() || c.reading != nil {
			t.Errorf("%s: not opaque after the last response", name)
		}
	}
}

func TestPipeliningAfterAnswersGoesOn(t *testing.T) {
	c, l := conversation(t)
	for range 3 {
		c.Feed(FromClient, []byte(plain), start)
	}
	for i := range 10_000 {
		c.Feed(FromClient, []byte(plain), start)
		c.Feed(FromServer, []byte(answer), start)
		if cap(c.ring.bytes) > maxPendingBytes || cap(c.ring.queue) > maxPending {
			t.Fatalf("after %d: %d bytes, %d requests", i, cap(c.ring.bytes), cap(c.ring.queue))
		}
	}
	if n := l.common.Counts.Exchanges.Load(); n != 10_000 || c.Opaque() {
		t.Errorf("%d exchanges, opaque %v", n, c.Opaque())
	}
}

func TestOrdinaryExchangesAllocateNothing(t *testing.T) {
	c, _ := conversation(t)
	q, p := []byte(plain), []byte(answer)
	pipelined := bytes.Repeat(q, 5)
	run := func() {
		c.Feed(FromClient, q, start)
		c.Feed(FromServer, p, start)
		c.Feed(FromClient, q[:20], start)
		c.Feed(FromClient, q[20:], start)
		c.Feed(FromServer, p[:9], start)
		c.Feed(FromServer, p[9:], start)
		c.Feed(FromClient, pipelined, start)
		for range 5 {
			c.Feed(FromServer, p, start)
		}
	}
	run()
	if n := testing.AllocsPerRun(1000, run); n != 0 && !raced {
		t.Errorf("%v allocations", n)
	}
	if c.Resting() {
		t.Error("at rest with bytes that were not passed on")
	}
	c.Wrote(FromClient, int(c.fed[FromClient]-c.wrote[FromClient].Load()))
	c.Wrote(FromServer, int(c.fed[FromServer]-c.wrote[FromServer].Load()))
	if !c.Resting() {
		t.Error("not at rest")
	}
}

// encode writes chunks as fuzz input: a byte with the direction and a length up to 127, then the
// bytes.
func encode(t *Transcript) []byte {
	var b []byte
	for _, c := range t.Chunks {
		for p := c.Bytes; len(p) > 0; {
			n := min(len(p), 127)
			b = append(append(b, byte(c.From)<<7|byte(n)), p[:n]...)
			p = p[n:]
		}
	}
	return b
}

func decode(b []byte) *Transcript {
	t := new(Transcript)
	for len(b) > 0 {
		from, n := Direction(b[0]>>7), min(int(b[0]&127), len(b)-1)
		t.Add(from, b[1:1+n])
		b = b[1+n:]
	}
	return t
}

// TestPipelinedHeadsAreTheirOwn checks that each exchange has the header fields of its own request,
// whichever head was scanned last.
func TestPipelinedHeadsAreTheirOwn(t *testing.T) {
	var requests, answers string
	for i := range 5 {
		requests += fmt.Sprintf("GET /%d HTTP/1.1\r\nHost: %s.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", i, strings.Repeat("x", i))
		answers += refusal
	}
	for name, parts := range map[string][]string{
		"all at once":       {">" + requests, "<" + answers},
		"one answer":        {">" + requests, "<" + refusal},
		"another after it":  {">" + requests, "<" + refusal, ">" + plain, "<" + answers},
		"half of one":       {">" + requests + plain[:20], "<" + answers},
		"one that is over":  {">" + strings.Repeat(plain, maxPending-1) + handshake + requests, "<" + strings.Repeat(answer, maxPending-1) + refusal},
		"one after another": {">" + handshake, "<" + refusal, ">" + requests, "<" + answers},
	} {
		c, l := conversation(t, parts...)
		c.Settle(CauseClient, start.Add(time.Hour))
		for _, x := range l.last() {
			if want := ReadRequest(x.Request.Raw); !reflect.DeepEqual(x.Request, want) {
				t.Errorf("%s: got %+v, want %+v", name, x.Request, want)
			}
			if x.Response != nil && !reflect.DeepEqual(x.Response, ReadResponse(x.Response.Raw)) {
				t.Errorf("%s: got %+v, want %+v", name, x.Response, ReadResponse(x.Response.Raw))
			}
		}
	}
}

func FuzzConversation(f *testing.F) {
	for _, transcript := range corpus(f) {
		f.Add(encode(transcript), uint64(5))
	}
	for _, play := range http2Plays() {
		w := newHTTP2Writer()
		play.play(w)
		transcript := new(Transcript)
		for _, part := range w.parts {
			transcript.Add(map[byte]Direction{'>': FromClient, '<': FromServer}[part[0]], []byte(part[1:]))
		}
		f.Add(encode(transcript), uint64(5))
		upgraded := new(Transcript)
		upgraded.Add(FromClient, []byte(h2cOffer))
		upgraded.Add(FromServer, []byte(h2cSwitch))
		upgraded.Chunks = append(upgraded.Chunks, transcript.Chunks...)
		f.Add(encode(upgraded), uint64(5))
	}
	f.Fuzz(func(t *testing.T, input []byte, seed uint64) {
		transcript := decode(input)
		want := play(transcript, splits["whole"])
		for _, x := range want {
			answered := x.Outcome != Closed && x.Outcome != Silent && x.Outcome != Opaque && x.Outcome != Reset && x.Outcome != GoneAway
			if !x.Final || !x.Complete || x.Outcome == "" || x.Request == nil || answered != (x.Response != nil) {
				t.Fatalf("unsound report: %s", describe(x))
			}
			if len(x.After.Client) > MaxRecorded || len(x.After.Server) > MaxRecorded || len(x.Early) > MaxRecorded {
				t.Fatalf("too much is kept: %s", describe(x))
			}
			if len(x.Request.Raw) > 0 && !reflect.DeepEqual(x.Request.Fields, ReadRequest(x.Request.Raw).Fields) {
				t.Fatalf("fields of another request: %s", describe(x))
			}
		}
		for name, cut := range map[string]func(int) int{"bytes": splits["bytes"], "random": seeded(seed)} {
			if got := play(transcript, cut); describeAll(got) != describeAll(want) {
				t.Fatalf("%s:\n got %s\nwant %s", name, describeAll(got), describeAll(want))
			}
			if got := leap(transcript, cut); describeAll(got) != describeAll(want) {
				t.Fatalf("%s, content skipped:\n got %s\nwant %s", name, describeAll(got), describeAll(want))
			}
		}
	})
}
