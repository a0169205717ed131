package h2

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestSkippedPayloadIsCounted has a receiver skip three bytes, take two, skip two and leave the rest of a frame with padding:
// however the bytes are split, fed or skipped, it gets the same.
func TestSkippedPayloadIsCounted(t *testing.T) {
	const want = `data of 9, skipped 3, payload "de", skipped 2, end 1`
	for _, skips := range []bool{false, true} {
		for size := 1; size < 30; size++ {
			var got []string
			skipped, payload := 0, ""
			flush := func() {
				if skipped > 0 {
					got = append(got, fmt.Sprintf("skipped %d", skipped))
				}
				if payload != "" {
					got = append(got, fmt.Sprintf("payload %q", payload))
				}
				skipped, payload = 0, ""
			}
			d := NewDecoder(Terms{}, 0, func(e *Event) {
				switch e.Kind {
				case EventData:
					got = append(got, fmt.Sprintf("data of %d", e.Length))
					e.Skip, e.Want = 3, 2
				case EventPayload:
					if skipped > 0 {
						flush()
					}
					if payload += string(e.Data); e.Want == 0 {
						flush()
						e.Skip = 2
					}
				case EventSkipped:
					skipped += int(e.Length)
				case EventEnd:
					flush()
					got = append(got, fmt.Sprintf("end %d", e.Stream))
				}
			})
			d.Feed(Client, []byte(Preface+settings()+frame(Headers, endHeaders, 1, "\x82")), 0)
			said := frame(Data, endStream|flagPadded, 1, padded("", "abcdefghi", 4))
			for len(said) > 0 {
				n := min(size, len(said))
				if able := int(d.Skippable(Client)); skips && able > 0 {
					n = min(n, able)
					d.Skip(Client, int64(n), 0)
				} else {
					d.Feed(Client, []byte(said[:n]), 0)
				}
				said = said[n:]
			}
			if all := strings.Join(got, ", "); all != want {
				t.Errorf("in pieces of %d, skipping %v: got %s, want %s", size, skips, all, want)
			}
			if f := d.Facts().Sides[Client]; f.Fault != nil || f.Data != 14 || !slices.Contains(got, "end 1") {
				t.Errorf("in pieces of %d: %+v", size, f)
			}
		}
	}
}
