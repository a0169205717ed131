package h2

import (
	"runtime"
	"strings"
	"testing"
	"unsafe"
)

// heap returns how many bytes are in use.
func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // the first one moves what is in pools aside
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// allocated returns how many bytes f allocates.
func allocated(f func()) int64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return int64(after.TotalAlloc - before.TotalAlloc)
}

// opened returns a decoder of a connection whose sides both allow tables of that size.
func opened(table uint32, handle func(*Event)) *Decoder {
	d := NewDecoder(Terms{}, 0, handle)
	d.Feed(Client, []byte(Preface+settings(setting(settingTable, table))), 0)
	d.Feed(Server, []byte(settings(setting(settingTable, table))), 0)
	return d
}

// inFrames is a block in frames of the usual size, and the first of them opens a stream.
func inFrames(stream uint32, block string) (frames string) {
	kind, flags := Headers, uint8(0)
	for {
		n := min(len(block), minMaxFrame)
		if n == len(block) {
			flags = endHeaders
		}
		frames += frame(kind, flags, stream, block[:n])
		if block = block[n:]; block == "" {
			return frames
		}
		kind = Continuation
	}
}

// TestFieldBomb checks that a block of 64 KiB that refers to one long field again and again takes memory
// for MaxFields only, and leaves the table right. It would emit 256 MB or, with the larger table, 4 GB.
func TestFieldBomb(t *testing.T) {
	for _, size := range []int{4000, 60000} {
		var fields, octets int
		var truncated bool
		d := opened(MaxTable, func(e *Event) {
			if e.Kind == EventHead {
				fields, octets, truncated = len(e.Fields), 0, e.Truncated
				for _, f := range e.Fields {
					octets += len(f.Name) + len(f.Value) + 32
				}
			}
		})
		w := newWriter()
		w.SetMaxDynamicTableSizeLimit(MaxTable)
		w.SetMaxDynamicTableSize(MaxTable)
		bomb := inFrames(1, w.block("x", strings.Repeat("y", size))+strings.Repeat("\xbe", MaxBlock-size)+"\x40\x01z\x01z")
		used := allocated(func() { d.Feed(Client, []byte(bomb), 0) })
		if !truncated || octets > MaxFields || octets < MaxFields-size-33 || fields != octets/(size+33) {
			t.Errorf("of %d: %d fields of %d octets, truncated %v", size, fields, octets, truncated)
		}
		if used > 1<<20 {
			t.Errorf("of %d: %d bytes were allocated", size, used)
		}
		d.Feed(Client, []byte(frame(Headers, endBoth, 3, "\xbe\xbf")), 0)
		if truncated || fields != 2 || octets != 34+33+size {
			t.Errorf("of %d: the table is wrong afterwards: %d fields of %d octets, truncated %v", size, fields, octets, truncated)
		}
	}
}

// TestSmallFieldsBomb does the same with the smallest fields, whose list takes more memory than they do.
func TestSmallFieldsBomb(t *testing.T) {
	fields := 0
	d := opened(4096, func(e *Event) { fields = max(fields, len(e.Fields)) })
	bomb := inFrames(1, "\x40\x00\x00"+strings.Repeat("\xbe", MaxBlock-3))
	if used := allocated(func() { d.Feed(Client, []byte(bomb), 0) }); used > 2<<20 {
		t.Errorf("%d bytes were allocated", used)
	}
	if fields != MaxFields/32 {
		t.Errorf("%d fields", fields)
	}
	if cap(d.fields) > 64 {
		t.Errorf("memory for %d fields is kept", cap(d.fields))
	}
}

// TestContinuationFlood checks that a block without an end takes no more than MaxBlock.
func TestContinuationFlood(t *testing.T) {
	for name, piece := range map[string]string{"full": strings.Repeat("\x82", minMaxFrame), "one byte": "\x82", "empty": ""} {
		var l log
		d := opened(4096, l.take)
		d.Feed(Client, []byte(frame(Headers, 0, 1, "\x82")), 0)
		flood := []byte(strings.Repeat(frame(Continuation, 0, 1, piece), 1<<20/(HeadSize+len(piece))))
		if used := allocated(func() { d.Feed(Client, flood, 0) }); used > 1<<20 {
			t.Errorf("%s: %d bytes were allocated", name, used)
		}
		if blind := l.lines[len(l.lines)-1] == "client blind 0 at 39: field-block, "; blind != (piece != "") {
			t.Errorf("%s: %q", name, l.lines)
		}
		if s := d.Facts().Sides[Client]; s.Lost || s.Frames[Continuation] != int64(len(flood)/(HeadSize+len(piece))) {
			t.Errorf("%s: %+v", name, s)
		}
	}
}

// exchange is a request of a browser and its answer, on a stream.
func exchange(c, s *writer, stream uint32) (request, answer string) {
	return frame(Headers, endBoth, stream, c.block(browser()...)), frame(Headers, endHeaders, stream, s.block(":status", "200", "content-type", "text/html", "server", "x")) + frame(Data, endStream, stream, "<p>")
}

// browser is what a browser asks with.
func browser() []string {
	return []string{
		":method", "GET", ":authority", "app.example.org", ":scheme", "https", ":path", "/static/main.7f3a.js",
		"sec-ch-ua", `"Chromium";v="140", "Not=A?Brand";v="24"`, "sec-ch-ua-mobile", "?0", "sec-ch-ua-platform", `"Linux"`,
		"user-agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
		"accept", "*/*", "sec-fetch-site", "same-origin", "sec-fetch-mode", "no-cors", "sec-fetch-dest", "script",
		"referer", "https://app.example.org/", "accept-encoding", "gzip, deflate, br, zstd", "accept-language", "en-GB,en;q=0.9",
		" cookie", "session=0123456789abcdef0123456789abcdef",
	}
}

// TestManyStreams checks that 10,000 streams of one connection leave no more memory than a few do.
func TestManyStreams(t *testing.T) {
	heads := 0
	d := opened(4096, func(e *Event) {
		if e.Kind == EventHead {
			heads++
		}
	})
	c, s := newWriter(), newWriter()
	say := func(from, to uint32) {
		for n := from; n < to; n++ {
			request, answer := exchange(c, s, 2*n+1)
			d.Feed(Client, []byte(request), 0)
			d.Feed(Server, []byte(answer), 0)
		}
	}
	say(0, 10)
	before := heap()
	say(10, 10_000)
	if grown := heap() - before; grown > 64<<10 {
		t.Errorf("the heap has grown by %d bytes", grown)
	}
	if f := d.Facts(); heads != 20_000 || f.Sides[Client].Opened != 10_000 || f.Sides[Server].Ended != 10_000 {
		t.Errorf("%d heads: %+v", heads, f)
	}
}

// TestDecoderAtRest checks how much memory a connection takes between two requests.
func TestDecoderAtRest(t *testing.T) {
	if size := unsafe.Sizeof(Decoder{}); size > 1024 {
		t.Errorf("a decoder takes %d bytes", size)
	}
	const connections = 200
	for name, test := range map[string]struct {
		streams uint32
		most    int64
	}{"without a request": {0, 1100}, "after one": {1, 8 << 10}, "after 100": {100, 20 << 10}} {
		all := make([]*Decoder, connections)
		c, s := newWriter(), newWriter()
		var talk [][2]string
		for n := range test.streams {
			request, answer := exchange(c, s, 2*n+1)
			talk = append(talk, [2]string{request, answer})
		}
		before := heap()
		for i := range all {
			all[i] = opened(4096, func(*Event) {})
			for _, said := range talk {
				all[i].Feed(Client, []byte(said[0]), 0)
				all[i].Feed(Server, []byte(said[1]), 0)
			}
		}
		each := (heap() - before) / connections
		t.Logf("%s: %d bytes", name, each)
		if each > test.most {
			t.Errorf("%s: a connection takes %d bytes, not %d", name, each, test.most)
		}
		runtime.KeepAlive(all)
	}
}

// TestHostileConnection checks what a connection takes whose tables are as large as possible, full of the
// smallest fields, and whose field blocks stay open.
func TestHostileConnection(t *testing.T) {
	full := "\x3f\xe1\xff\x03" + strings.Repeat("\x40\x00\x00", 3*MaxTable/32)
	said := []byte(inFrames(1, full) + frame(Headers, 0, 3, strings.Repeat("\x82", minMaxFrame)) + strings.Repeat(frame(Continuation, 0, 3, strings.Repeat("\x82", minMaxFrame)), 3))
	before := heap()
	d := opened(MaxTable, func(*Event) {})
	d.Feed(Client, said, 0)
	d.Feed(Server, said, 0)
	if d.blind(Client) || d.blind(Server) {
		t.Error("it is blind")
	}
	used := heap() - before
	t.Logf("%d bytes", used)
	if used > 768<<10 {
		t.Errorf("%d bytes are in use", used)
	}
	runtime.KeepAlive(d)
}
