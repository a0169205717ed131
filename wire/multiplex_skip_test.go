package wire

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

// TestPayloadInStreamsIsSkipped skips what may be skipped of a connection with a tunnel, or feeds all of it, whole or a
// byte at a time: the report is the same. Most of the payload that is not recorded may be skipped.
func TestPayloadInStreamsIsSkipped(t *testing.T) {
	const size = 40_000
	large := "\x82\x7f\x00\x00\x00\x00\x00\x00\x9c\x40" + strings.Repeat("x", size)
	masked := "\x82\xff\x00\x00\x00\x00\x00\x00\x9c\x40\x01\x02\x03\x04" + strings.Repeat("y", size)
	w := newHTTP2Writer()
	w.head(FromClient, 1, false, extendedConnect()...)
	w.head(FromServer, 1, false, ":status", "200")
	w.head(FromClient, 3, false, with(extendedConnect(), ":protocol", "connect-udp")...)
	w.head(FromServer, 3, false, ":status", "200")
	for _, text := range []string{large, "\x81\x02hi", large, "\x89\x01p"} {
		for ; len(text) > 0; text = text[min(len(text), 16_384):] {
			w.data(FromServer, 1, false, text[:min(len(text), 16_384)])
		}
	}
	for text := masked + "\x81\x82\x00\x00\x00\x00hi"; len(text) > 0; text = text[min(len(text), 5_000):] {
		w.data(FromClient, 1, false, text[:min(len(text), 5_000)])
	}
	w.data(FromServer, 3, false, strings.Repeat("z", 5_000))
	w.data(FromServer, 3, true, strings.Repeat("z", 5_000))
	w.data(FromServer, 1, true, "\x88\x00")
	w.data(FromClient, 1, true, "\x88\x80\x00\x00\x00\x00")

	want, _ := heardHTTP2(w, false)
	bytewise, _ := heardHTTP2(w, true)
	got, skipped := heardSkipping(w)
	for i, x := range want {
		f := x.After
		if i == 0 && (f.Frames == nil || f.Frames.Sides[1].Read != 2*int64(len(large))+9 || f.ServerBytes != f.Frames.Sides[1].Read) {
			t.Errorf("got %d bytes, and frames %+v", f.ServerBytes, f.Frames)
		}
		for how, other := range map[string][]*Exchange{"skipping": got, "bytewise": bytewise} {
			if describeStream(other[i]) != describeStream(x) || !reflect.DeepEqual(other[i].After, f) {
				t.Errorf("%s: got %+v of %s\nwant %+v of %s", how, other[i].After, describeStream(other[i]), f, describeStream(x))
			}
		}
	}
	if all := int64(3*size + 10_000); skipped < all-5*MaxRecorded || skipped > all {
		t.Errorf("%d bytes of %d were skipped", skipped, all)
	}
}

// with returns fields with another value of one of them.
func with(fields []string, name, value string) []string {
	for i := 0; i < len(fields); i += 2 {
		if fields[i] == name {
			fields[i+1] = value
		}
	}
	return fields
}

// heardSkipping is heardHTTP2, but skips what need not be fed, in two pieces.
func heardSkipping(w *http2Writer) (found []*Exchange, skipped int64) {
	common := Common{Origin: OriginLive, Counts: new(Counts)}
	got := collect(&common, "closed")
	var c Conversation
	c.Open(&common)
	for i, part := range w.parts {
		d := FromClient
		if part[0] == '<' {
			d = FromServer
		}
		now := start.Add(time.Duration(i) * time.Millisecond)
		for p := []byte(part[1:]); len(p) > 0; {
			n := min(c.Skippable(d), int64(len(p)))
			if n == 0 {
				c.Feed(d, p[:1], now)
				p = p[1:]
				continue
			}
			n = max(n/2, 1)
			c.Skip(d, n, now)
			skipped += n
			p = p[n:]
		}
	}
	c.Settle(CauseServer, start.Add(time.Second))
	return got.exchanges(), skipped
}
