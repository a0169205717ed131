package report

import (
	"bytes"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// A line is a line of wire bytes in the notation of transcripts.
type line []piece

// A piece is a run of bytes of a line that are evidence, or that are not.
type piece struct {
	Text string
	Mark bool
}

// maxHighlighted is how many bytes of a head are shown to people.
const maxHighlighted = 8 << 10

// highlight splits bytes into lines, and each line into pieces inside and outside the spans of that
// part. Left is the number of bytes that are not shown.
func highlight(b []byte, part rules.Part, spans []rules.Span) (lines []line, left int) {
	if n := len(b) - maxHighlighted; n > 0 {
		b, left = b[:maxHighlighted], n
	}
	marked := make([]bool, len(b))
	for _, s := range spans {
		for i := max(s.From, 0); s.Part == part && i < min(s.To, len(b)); i++ {
			marked[i] = true
		}
	}
	at := 0
	for raw := range bytes.Lines(b) {
		var l line
		for from := 0; from < len(raw); {
			to := from + 1
			for to < len(raw) && marked[at+to] == marked[at+from] {
				to++
			}
			l = append(l, piece{wire.Escape(raw[from:to]), marked[at+from]})
			from = to
		}
		lines = append(lines, l)
		at += len(raw)
	}
	return lines, left
}
