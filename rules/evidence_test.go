package rules

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
)

// TestEvidenceCanBeReadBack quotes bytes of every kind. A quotation is printable ASCII and can be
// decoded to the same bytes.
func TestEvidenceCanBeReadBack(t *testing.T) {
	if got := quote("webSoc\u212aet \"\\\r\x00\xff\u00e9"); got != `"webSoc\xe2\x84\xaaet \"\\\r\x00\xff\xc3\xa9"` {
		t.Errorf("got %s", got)
	}
	random := rand.New(rand.NewPCG(3, 4))
	for range 1000 {
		b := make([]byte, random.IntN(maxQuoted))
		for i := range b {
			b[i] = byte(random.IntN(256))
		}
		text := quote(b)
		if again, err := strconv.Unquote(text); err != nil || again != string(b) || strings.Contains(text, `\u`) {
			t.Fatalf("%x is quoted as %s: %q, %v", b, text, again, err)
		}
	}
}
