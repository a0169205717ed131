package h2

import (
	"strings"
	"testing"
)

// BenchmarkHead decodes the request of a browser on a connection that has seen it before.
func BenchmarkHead(b *testing.B) {
	c, d := newWriter(), opened(4096, func(*Event) {})
	d.Feed(Client, []byte(frame(Headers, endBoth, 1, c.block(browser()...))), 0)
	next := []byte(frame(Headers, endBoth, 1, c.block(browser()...)))
	b.ReportAllocs()
	for b.Loop() {
		d.Feed(Client, next, 0)
	}
}

// BenchmarkFirstHead opens a connection and decodes the first request of a browser.
func BenchmarkFirstHead(b *testing.B) {
	said := []byte(Preface + settings() + frame(Headers, endBoth, 1, newWriter().block(browser()...)))
	b.ReportAllocs()
	for b.Loop() {
		NewDecoder(Terms{}, 0, func(*Event) {}).Feed(Client, said, 0)
	}
}

// BenchmarkDataSkipped reads the head of a DATA frame of which nothing is wanted, and skips the rest.
func BenchmarkDataSkipped(b *testing.B) {
	d := opened(4096, func(*Event) {})
	d.Feed(Client, []byte(frame(Headers, endHeaders, 1, "\x82")), 0)
	next := []byte(head(minMaxFrame, Data, 0, 1))
	b.ReportAllocs()
	for b.Loop() {
		d.Feed(Client, next, 0)
		d.Skip(Client, d.Skippable(Client), 0)
	}
}

// BenchmarkDataWanted hands over a frame of 100 bytes.
func BenchmarkDataWanted(b *testing.B) {
	d := opened(4096, func(e *Event) {
		if e.Kind == EventData {
			e.Want = e.Length
		}
	})
	d.Feed(Client, []byte(frame(Headers, endHeaders, 1, "\x82")), 0)
	next := []byte(frame(Data, 0, 1, strings.Repeat("x", 100)))
	b.ReportAllocs()
	for b.Loop() {
		d.Feed(Client, next, 0)
	}
}

// BenchmarkHostileBlock decodes the blocks of 64 KiB that cost most: one reference after another, and
// insertions into a table that is full of the smallest fields.
func BenchmarkHostileBlock(b *testing.B) {
	for _, bench := range []struct {
		name  string
		table uint32
		block string
	}{
		{"references", 4096, strings.Repeat("\x82", MaxBlock)},
		{"insertions", 4096, strings.Repeat("\x40\x00\x00", MaxBlock/3)},
		{"insertions-64KiB", MaxTable, strings.Repeat("\x40\x00\x00", MaxBlock/3-2)},
		{"Huffman", 4096, "\x00\x00\xff\xfb\xfe\x03" + strings.Repeat("\x00", MaxBlock-6)},
	} {
		b.Run(bench.name, func(b *testing.B) {
			d := opened(bench.table, func(*Event) {})
			if bench.table > defaultTable {
				d.Feed(Client, []byte(frame(Headers, endHeaders, 1, "\x3f\xe1\xff\x03")), 0)
			}
			said := []byte(inFrames(1, bench.block))
			b.ReportAllocs()
			for b.Loop() {
				d.Feed(Client, said, 0)
			}
			if d.blind(Client) {
				b.Fatal("it is blind")
			}
		})
	}
}
