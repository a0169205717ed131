package h2

import (
	"fmt"
	"strings"
	"testing"
)

// update is a block that begins with a change of the table's size.
func update(size uint32) string {
	w := newWriter()
	w.SetMaxDynamicTableSizeLimit(size)
	w.SetMaxDynamicTableSize(defaultTable - 1) // the encoder sends the smallest size too
	w.SetMaxDynamicTableSize(size)
	return w.block(":method", "GET")
}

// TestBlindness checks after what a side is not decoded any more, and that nothing follows but facts.
func TestBlindness(t *testing.T) {
	head := func(b string) string { return frame(Headers, endHeaders, 1, b) }
	for name, test := range map[string]struct {
		table  uint32 // the server allows it
		client string
		want   string
	}{
		"unknown index":           {4096, head("\xbe"), "client blind 0 at 33: compression, decoding error: invalid indexed representation index 62"},
		"cut field":               {4096, frame(Headers, 0, 1, "\x82") + frame(Continuation, endHeaders, 1, "\x41\x05ab"), "client blind 0 at 33: compression, decoding error: truncated headers"},
		"bad Huffman code":        {4096, head("\x41\x81\x00"), "client blind 0 at 33: compression, hpack: invalid Huffman-encoded data"},
		"table as large as it is": {4096, head(update(4096)), "client head 1 :method=GET"},
		"table not allowed":       {4096, head(update(4097)), "client blind 0 at 33: compression, decoding error: dynamic table size update too large"},
		"table allowed":           {8192, head(update(8192)), "client head 1 :method=GET"},
		"small table":             {0, head(update(0)), "client head 1 :method=GET"},
		"largest table":           {1 << 20, head(update(MaxTable)), "client head 1 :method=GET"},
		"table over the bound":    {1 << 20, head(update(MaxTable + 1)), "client blind 0 at 33: table, "},
		"huge table not allowed":  {1 << 20, head(update(1<<20 + 1)), "client blind 0 at 33: compression, decoding error: dynamic table size update too large"},
		"long block":              {4096, frame(Headers, 0, 1, strings.Repeat("\x82", 16<<10)) + strings.Repeat(frame(Continuation, 0, 1, strings.Repeat("\x82", 16<<10)), 3) + frame(Continuation, endHeaders, 1, "\x82"), "client blind 0 at 33: field-block, "},
		"padding of data":         {4096, head("\x82") + frame(Data, flagPadded, 1, "\x03ab"), "client head 1 :method=GET|client blind 0 at 43: fault, padding"},
		"padding of a head":       {4096, frame(Headers, flagPadded|flagPriority, 1, "\x01\x00\x00\x00\x00\x00"), "client blind 0 at 33: fault, padding"},
		"no room for a priority":  {4096, frame(Headers, flagPriority, 1, "\x00\x00\x00\x00"), "client blind 0 at 33: fault, length"},
		"interrupted block":       {4096, frame(Headers, 0, 1, "\x82") + frame(Ping, 0, 0, "12345678"), "client blind 0 at 43: fault, order"},
		"a setting":               {4096, settings(setting(8, 1), setting(settingPush, 2)), "client setting 0 8: 0 to 1|client blind 0 at 33: fault, setting"},
	} {
		more := head("\x82") + frame(Data, endStream, 1, "x") + frame(GoAway, 0, 0, number(0, 0))
		answer := head("\x88")
		d, got := decode(t, Terms{}, said{Client, Preface + settings()}, said{Server, settings(setting(settingTable, test.table))}, said{Client, test.client}, said{Client, more}, said{Server, answer})
		want := fmt.Sprintf("server setting 0 1: 4096 to %d|%s|server head 1 :status=200", test.table, test.want)
		if !strings.Contains(want, "blind") {
			want = strings.Replace(want, "|server head", "|client head 1 :method=GET|client data 1 of 1 END|client payload 1 x|client end 1|client goaway 0 NO_ERROR after 0|server head", 1)
		}
		if text := strings.Join(got, "|"); text != want {
			t.Errorf("%s:\n got %q\nwant %q", name, text, want)
		}
		if s := d.Facts().Sides[Client]; s.Lost != strings.Contains(want, "fault") || !s.Lost && s.GoAway == nil {
			t.Errorf("%s: %+v", name, s)
		}
	}
}

// TestBlindSideStillAllowsTables checks that the settings of a side that is blind apply to the fields of
// the other one, and that an older setting does too, which the sender may have used.
func TestBlindSideStillAllowsTables(t *testing.T) {
	_, got := decode(t, Terms{}, append(opening(), said{Client, frame(Headers, endHeaders, 1, "\xbe") + settings(setting(settingTable, 8192)) + settings(setting(settingTable, 64))},
		said{Server, frame(Headers, endHeaders, 1, update(8192))})...)
	if want := "server head 1 :method=GET"; got[len(got)-1] != want {
		t.Errorf("%q", got)
	}
}

func TestMissingBytes(t *testing.T) {
	var l log
	d := NewDecoder(Terms{}, 0, l.take)
	d.Feed(Client, []byte(Preface+settings()+head(9, Headers, endHeaders, 1)+"\x82"), 0)
	d.Stop(Client)
	d.Stop(Client)
	d.Feed(Client, []byte(frame(Headers, endHeaders, 1, "\x82")), 0)
	d.Feed(Server, []byte("HTTP/1.1 400 Bad Request\r\n\r\n"), 0)
	d.Stop(Server)
	want := "client blind 0 at 43: missing, |server blind 0 at 0: fault, first-frame"
	if got := strings.Join(l.lines, "|"); got != want {
		t.Errorf("got %q\nwant %q", got, want)
	}
}

// TestOnlyWantedDataIsFed checks that the receiver decides how much of the content of each frame it
// sees, and that the rest, with the padding, can be skipped.
func TestOnlyWantedDataIsFed(t *testing.T) {
	var got []string
	d := NewDecoder(Terms{}, 0, func(e *Event) {
		switch {
		case e.Kind == EventData && e.Stream == 3:
			e.Want = 4
		case e.Kind == EventData && e.Stream == 5:
			e.Want = 1 << 30
		case e.Kind == EventPayload && string(e.Data) == "more":
			e.Want = 2
		case e.Kind == EventPayload && string(e.Data) == "stop":
			e.Want = 0
		}
		if e.Kind == EventPayload || e.Kind == EventEnd {
			got = append(got, line(e))
		}
	})
	for _, s := range append(opening(), said{Client, frame(Headers, endHeaders, 1, "\x82") + frame(Headers, endHeaders, 3, "\x82") + frame(Headers, endHeaders, 5, "\x82")}) {
		d.Feed(s.from, []byte(s.text), 0)
	}
	for _, step := range []struct {
		feed string
		skip int64 // what can be skipped then
	}{
		{head(100, Data, endStream, 1), 100},
		{head(100, Data, flagPadded, 1) + "\x09", 99},
		{head(20, Data, flagPadded, 3) + "\x09more", 0},
		{"xy", 13},
		{head(20, Data, flagPadded|endStream, 3) + "\x09data", 15},
		{head(8, Data, flagPadded, 5) + "\x02stop", 3},
		{head(8, Data, flagPadded, 5) + "\x02", 0},
		{"hello", 2},
		{head(5, Data, flagPadded, 5) + "\x04", 4},
		{head(4, Continuation, 0, 5), 1<<63 - 1}, // a fault
	} {
		d.Feed(Client, []byte(step.feed), 0)
		if n := d.Skippable(Client); n != step.skip {
			t.Errorf("after %q: %d bytes can be skipped, not %d", step.feed, n, step.skip)
		}
		d.Skip(Client, min(step.skip, 1000), 0)
	}
	want := "client end 1|client payload 3 more|client payload 3 xy|client payload 3 data|client end 3|client payload 5 stop|client payload 5 hello"
	if text := strings.Join(got, "|"); text != want {
		t.Errorf("got %q\nwant %q", text, want)
	}
}
