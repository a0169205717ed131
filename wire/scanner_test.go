package wire

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// scanAll scans input in pieces and returns the events, with adjacent pieces of a body joined. It
// frames a response as the response to a GET.
func scanAll(side Direction, input []byte, cut func(n int) int) (events []string, raw []byte) {
	s := Scanner{Side: side, Pool: new(Pool)}
	var h Head
	content := 0
	whole, at := input, 0
	flush := func() {
		if content > 0 {
			events = append(events, fmt.Sprintf("content %d", content))
			content = 0
		}
	}
	for len(input) > 0 {
		p := input[:cut(len(input))]
		input = input[len(p):]
		for {
			n, e := s.Scan(p, &h)
			at += n
			switch e {
			case EventHead:
				flush()
				if !bytes.Equal(h.Raw, whole[at-len(h.Raw):at]) {
					events = append(events, fmt.Sprintf("head %q differs from the input", h.Raw))
				}
				events = append(events, fmt.Sprintf("head %q %v", h.Raw, h.Flaws))
				raw = append(raw, h.Raw...)
				if side == FromServer {
					s.Frame(h.ResponseFraming(false, false))
				} else {
					s.Frame(h.RequestFraming())
				}
			case EventContent:
				content += len(s.Content)
			case EventEnd:
				flush()
				events = append(events, "end")
			case EventOpaque:
				flush()
				rest := append(slices.Clone(h.Raw), p[n:]...)
				if s.Flaw == FlawHeadTooLong || s.Flaw == FlawChunk {
					rest = p[n:]
				}
				rest = append(rest, input...)
				return append(events, fmt.Sprintf("opaque %v, %d bytes left", s.Flaw, len(rest))), raw
			}
			p = p[n:]
			if e == EventMore {
				break
			}
		}
	}
	flush()
	if part := s.Partial(); len(part) > 0 {
		events = append(events, fmt.Sprintf("part %q", part))
	}
	return append(events, fmt.Sprintf("resting %v, opaque %v", s.Resting(), s.Opaque())), raw
}

func TestScannerFindsMessages(t *testing.T) {
	for _, test := range []struct {
		name  string
		side  Direction
		input string
		want  []string
	}{
		{"two requests", FromClient, "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n", []string{
			`head "GET / HTTP/1.1\r\nHost: a\r\n\r\n" []`, "end", `head "GET /b HTTP/1.1\r\nHost: a\r\n\r\n" []`, "end", "resting true, opaque false"}},
		{"content length", FromClient, "POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcGET", []string{
			`head "POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\n" []`, "content 3", "end", `part "GET"`, "resting false, opaque false"}},
		{"chunks, extension, trailer", FromClient, "POST / HTTP/1.1\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n5;a=\"b\"\r\nhello\r\n1\r\n!\r\n0\r\nA: b\r\n\r\n", []string{
			`head "POST / HTTP/1.1\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n" []`, "content 6", "end", "resting true, opaque false"}},
		{"until close", FromServer, "HTTP/1.1 200 OK\r\n\r\nabc", []string{
			`head "HTTP/1.1 200 OK\r\n\r\n" []`, "content 3", "resting false, opaque false"}},
		{"empty line in front", FromClient, "\r\n\r\nGET / HTTP/1.1\r\n\r\n", []string{
			`head "\r\n\r\nGET / HTTP/1.1\r\n\r\n" [{empty line in front 0}]`, "end", "resting true, opaque false"}},
		{"TLS", FromClient, "\x16\x03\x01\x02\x00", []string{"opaque not HTTP/1, 5 bytes left"}},
		{"frame", FromClient, "\x81\x82\x00\x00\x00\x00hi", []string{"opaque not HTTP/1, 8 bytes left"}},
		{"one word", FromClient, "hello\r\n", []string{"opaque not HTTP/1, 7 bytes left"}},
		{"no version, no GET", FromClient, "HELO staging.test\r\n", []string{"opaque not HTTP/1, 19 bytes left"}},
		{"HTTP/0.9", FromClient, "GET /\r\n\r\n", []string{`head "GET /\r\n\r\n" [{no HTTP/1 version 5}]`, "resting false, opaque true"}},
		{"length and coding", FromClient, "POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc", []string{
			`head "POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n" [{Content-Length with Transfer-Encoding 17}]`, "resting false, opaque true"}},
		{"lengths differ", FromClient, "POST / HTTP/1.1\r\nContent-Length: 3, 4\r\n\r\n", []string{
			`head "POST / HTTP/1.1\r\nContent-Length: 3, 4\r\n\r\n" [{several Content-Length values 33}]`, "resting false, opaque true"}},
		{"same length twice", FromClient, "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx", []string{
			`head "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n" [{repeated Content-Length 52}]`, "content 1", "end", "resting true, opaque false"}},
		{"coding not chunked", FromClient, "POST / HTTP/1.1\r\nTransfer-Encoding: xchunked\r\n\r\n", []string{
			`head "POST / HTTP/1.1\r\nTransfer-Encoding: xchunked\r\n\r\n" [{last transfer coding not chunked 17}]`, "resting false, opaque true"}},
		{"chunked not last", FromClient, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n\r\n", []string{
			`head "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n\r\n" [{last transfer coding not chunked 64} {last transfer coding not chunked 17}]`, "resting false, opaque true"}},
		{"chunk size with LF", FromClient, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello", []string{
			`head "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" []`, "opaque invalid chunk, 6 bytes left"}},
		{"bare LF beside no framing", FromClient, "GET / HTTP/1.1\nHost: a\r\n\r\n", []string{
			`head "GET / HTTP/1.1\nHost: a\r\n\r\n" [{bare LF 14}]`, "end", "resting true, opaque false"}},
		{"bare LF beside framing", FromClient, "POST / HTTP/1.1\nContent-Length: 3\r\n\r\n", []string{
			`head "POST / HTTP/1.1\nContent-Length: 3\r\n\r\n" [{bare LF 15} {framing field in a flawed head 15}]`, "resting false, opaque true"}},
		{"head that ends in LF", FromClient, "GET / HTTP/1.1\n\n", []string{
			`head "GET / HTTP/1.1\n\n" [{bare LF 14} {bare LF 15} {disputed end of the head 15}]`, "resting false, opaque true"}},
		{"hidden length", FromClient, "POST / HTTP/1.1\r\nContent-Length : 3\r\n\r\n", []string{
			`head "POST / HTTP/1.1\r\nContent-Length : 3\r\n\r\n" [{space before the colon 31} {framing field in a flawed head 31}]`, "resting false, opaque true"}},
		{"204", FromServer, "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", []string{
			`head "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n" []`, "end", `head "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" []`, "end", "resting true, opaque false"}},
		{"loose status line", FromServer, "http/1.1 426\r\n\r\n", []string{
			`head "http/1.1 426\r\n\r\n" [{no HTTP/1 version 0}]`, "resting false, opaque true"}},
		{"no status line", FromServer, "<html>\r\n", []string{"opaque not HTTP/1, 8 bytes left"}},
	} {
		for name, cut := range splits {
			got, _ := scanAll(test.side, []byte(test.input), cut)
			if !slices.Equal(got, test.want) {
				t.Errorf("%s, %s:\n got %s\nwant %s", test.name, name, strings.Join(got, "\n     "), strings.Join(test.want, "\n     "))
			}
		}
	}
}

func TestScannerBoundsHeads(t *testing.T) {
	long := []byte("GET / HTTP/1.1\r\nA: " + strings.Repeat("x", 1<<20))
	for name, cut := range splits {
		got, _ := scanAll(FromClient, long, cut)
		if want := fmt.Sprintf("opaque head too long, %d bytes left", len(long)-MaxHead); len(got) != 1 || got[0] != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	exact := append(bytes.Repeat([]byte("A: b\r\n"), 1), '\r', '\n')
	head := []byte("GET / HTTP/1.1\r\nX: " + strings.Repeat("y", MaxHead-19-2-len(exact)) + "\r\n")
	head = append(head, exact...)
	if len(head) != MaxHead {
		t.Fatalf("head has %d bytes", len(head))
	}
	for name, cut := range splits {
		if got, _ := scanAll(FromClient, head, cut); len(got) != 3 {
			t.Errorf("%s: a head of exactly MaxHead bytes gave %d events", name, len(got))
		}
	}
}

func FuzzScanner(f *testing.F) {
	for _, transcript := range corpus(f) {
		var both [2][]byte
		for _, c := range transcript.Chunks {
			both[c.From] = append(both[c.From], c.Bytes...)
		}
		f.Add(both[FromClient], false, uint64(7))
		f.Add(both[FromServer], true, uint64(9))
	}
	f.Fuzz(func(t *testing.T, input []byte, server bool, seed uint64) {
		side := FromClient
		if server {
			side = FromServer
		}
		want, raw := scanAll(side, input, splits["whole"])
		for name, cut := range map[string]func(int) int{"bytes": splits["bytes"], "random": seeded(seed)} {
			got, _ := scanAll(side, input, cut)
			if !slices.Equal(got, want) {
				t.Fatalf("%s: got %q, want %q", name, got, want)
			}
		}
		if len(raw) > len(input) {
			t.Fatalf("heads of %d bytes in an input of %d", len(raw), len(input))
		}
		checkViews(t, side, input)
	})
}

// checkViews checks that reading a head again from its raw bytes gives the same head, and that
// every span lies in it.
func checkViews(t *testing.T, side Direction, input []byte) {
	var h *Head
	if side == FromServer {
		p := ReadResponse(input)
		h = &p.Head
	} else {
		q := ReadRequest(input)
		h = &q.Head
	}
	for _, f := range h.Fields {
		if f.Name.From > f.Name.To || f.Name.To > f.Value.From && f.Value.Len() > 0 || f.Value.From > f.Value.To || f.Value.To > len(h.Raw) {
			t.Fatalf("field %v lies outside of %q", f, h.Raw)
		}
	}
	for _, f := range h.Flaws {
		if f.Offset < 0 || f.Offset > len(h.Raw) {
			t.Fatalf("flaw %v lies outside of %q", f, h.Raw)
		}
	}
	for _, p := range h.Protocols() {
		if p.Span.Len() == 0 {
			t.Fatalf("empty member in %q", h.Raw)
		}
	}
	h.ConnectionOptions()
}

// seeded splits pseudo-randomly, and always in the same way for a seed.
func seeded(seed uint64) func(n int) int {
	return func(n int) int {
		seed ^= seed << 13
		seed ^= seed >> 7
		seed ^= seed << 17
		return 1 + int(seed%uint64(min(n, 40)))
	}
}

// TestManyFlawsAreReadInOneGo holds that the work for a head does not grow with the product of its size
// and its flaws: each search through it would allocate.
func TestManyFlawsAreReadInOneGo(t *testing.T) {
	var b strings.Builder
	b.WriteString("GET / HTTP/1.1\r\n")
	for range 6000 {
		b.WriteString("x\x1b: \xff\r\n")
	}
	b.WriteString("\r\n")
	raw := []byte(b.String())
	if n := testing.AllocsPerRun(3, func() { ReadRequest(raw) }); n > 100 && !raced {
		t.Errorf("%v allocations for a head with thousands of flaws", n)
	}
}
