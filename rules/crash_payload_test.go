package rules

import (
	"bytes"
	"compress/flate"
	"io"
	"testing"
)

// TestTheBombInflates checks that the compressed message of a probe is a valid one, of zeros, and as
// long as its label says.
func TestTheBombInflates(t *testing.T) {
	sent := []byte(deflateBomb(nil))
	f, ok := readFrame(sent)
	if !ok || !f.masked || !f.whole(sent) || len(sent) != f.head+int(f.length) || f.first != frameFin|frameRSV1|opBinary || !f.minimal {
		t.Fatalf("got the frame %+v of %d bytes", f, len(sent))
	}
	payload := bytes.Clone(f.payload(sent))
	for i := range payload {
		payload[i] ^= f.key[i%len(f.key)]
	}
	end := "\x00\x00\xff\xff" + "\x01\x00\x00\xff\xff" // RFC 7692 §7.2.2, and a last block
	n, err := io.Copy(io.Discard, flate.NewReader(io.MultiReader(bytes.NewReader(payload), bytes.NewReader([]byte(end)))))
	if err != nil || n>>20 != 16 || len(payload)>>10 != 103 {
		t.Errorf("%d bytes inflate to %d, %v", len(payload), n, err)
	}
}

// TestFragmentsAreAMessage checks that the fragments of a probe are one message of the stated number.
func TestFragmentsAreAMessage(t *testing.T) {
	b := []byte(tinyFragments(nil))
	n, ends := 0, 0
	for f := range frames(b) {
		if f.length != 1 || !f.masked || f.fin() != (n == fragments-1) || (f.opcode() == opContinuation) != (n > 0) {
			t.Fatalf("frame %d is %+v", n, f)
		}
		n, ends = n+1, f.from+f.head+1
	}
	if n != fragments || ends != len(b) {
		t.Errorf("got %d frames in %d of %d bytes, want %d", n, ends, len(b), fragments)
	}
}
