package rules

import (
	"bytes"
	"testing"
)

// FuzzFrames checks that frames follow one another within the input, that nothing is read beyond
// its end, and that further bytes do not change the frames already read.
func FuzzFrames(f *testing.F) {
	for _, seed := range []string{
		"", "\x81", "\x81\x05Hello", "\x81\x857\xfa!=\x7f\x9fMQX", "\x89\x00\x8a\x00", "\x82\x7e\x00\x05Hello",
		"\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xff", "\x82\xff\x00\x00\x00\x00\x00\x01\x00\x00abcd", "\x01\x01a\x80\x01b\x88\x02\x03\xe8",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		b = b[:len(b):len(b)]
		at, cut := 0, false
		for f := range frames(b) {
			if cut || f.from != at || f.head < 2 || f.head > 14 || f.from+f.head > len(b) {
				t.Fatalf("%+v at %d of %d bytes, cut %v", f, at, len(b), cut)
			}
			again, ok := readFrame(b[f.from : f.from+f.head])
			again.from = f.from
			if !ok || again != f {
				t.Fatalf("the head alone: %+v, %v, want %+v", again, ok, f)
			}
			for n := range f.head {
				if _, ok := readFrame(b[f.from : f.from+n]); ok {
					t.Fatalf("%d bytes of %+v are enough", n, f)
				}
			}
			if f.minimal && f.head >= 4+len(f.key) && f.length <= 125 {
				t.Fatalf("%+v is not minimal", f)
			}
			cut = !f.whole(b)
			if n := len(f.payload(b)); cut == (uint64(n) == f.length) {
				t.Fatalf("%d bytes of %+v, cut %v", n, f, cut)
			}
			at += f.head + len(f.payload(b))
		}
		if len(b) > 0 {
			first, ok := readFrame(b)
			more, still := readFrame(append(bytes.Clone(b), 0xff))
			if ok && (!still || first != more) {
				t.Fatalf("one byte more makes %+v of %+v", more, first)
			}
		}
	})
}

// FuzzH2Frames checks the same for HTTP/2 frames, and that every prefix of the preface is
// undecided.
func FuzzH2Frames(f *testing.F) {
	for _, seed := range []string{
		"", h2Preface, h2Preface[:7], h2Preface + "\x00\x00\x00\x04\x00\x00\x00\x00\x00", "PRI * HTTP/1.1\r\n",
		"\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\xfa\x00\x00\x00\x04\x01\x00\x00\x00\x00", "HTTP/1.1 200 OK\r\n\r\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		b = b[:len(b):len(b)]
		if f, ok := readH2Frame(b); ok != (len(b) >= h2Head) || f.Length > 1<<24-1 || f.Stream > 1<<31-1 {
			t.Fatalf("%+v, %v of %d bytes", f, ok, len(b))
		}
		rest, v := cutH2Preface(b)
		switch {
		case v == Pass && string(b) != h2Preface+string(rest),
			v == Unclear && (len(b) >= len(h2Preface) || !bytes.HasPrefix([]byte(h2Preface), b)),
			v == Fail && bytes.HasPrefix(b, []byte(h2Preface)), v > Pass:
			t.Fatalf("%q: %s, rest %q", b, v, rest)
		}
	})
}

// FuzzTLSRecord checks that a decision about the beginning of a connection does not change when
// more bytes arrive.
func FuzzTLSRecord(f *testing.F) {
	for _, seed := range []string{"", "\x16", "\x16\x03\x01\x00\x05\x01\x00\x00\x01\x03", "\x15\x03\x01\x00\x02\x02\x28", "GET / HTTP/1.1\r\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		decided := Unclear
		for n := range len(b) + 1 {
			v := helloOf(b[:n:n])
			if decided != Unclear && v != decided || n >= 6 && v == Unclear {
				t.Fatalf("%q: %s, and with less %s", b[:n], v, decided)
			}
			decided = v
			if r, ok := readTLSRecord(b[:n:n]); ok != (n >= 5) || r.length < 0 || r.length > 0xffff {
				t.Fatalf("%q: %+v, %v", b[:n], r, ok)
			}
			if n > 32 {
				break
			}
		}
	})
}
