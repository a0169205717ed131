package wire

import (
	"fmt"
	"strings"
)

// A Sighting is what a client and a server on both sides of a hop saw together and the bytes of one
// exchange do not show: what other clients got, for example, or that a connection stayed open. What
// it means is for the rules to say.
type Sighting struct {
	What   Sight  `json:"what"`
	Detail string `json:"detail,omitempty"` // what exactly; bytes from the wire are escaped in it
}

// MaxSightings is how many sightings a hop has at most.
const MaxSightings = 16

const (
	maxSight       = 64 // bytes of the kind
	maxSightDetail = 1 << 10
)

// Valid reports whether a sighting keeps within the limits, so that a transcript can have it.
func (s Sighting) Valid() bool {
	for _, c := range s.What {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return s.What != "" && len(s.What) <= maxSight && len(s.Detail) <= maxSightDetail
}

// Saw returns the first sighting of that kind; ok is false if there is none.
func (h *Hop) Saw(what Sight) (s Sighting, ok bool) {
	if h == nil {
		return s, false
	}
	for _, s := range h.Seen {
		if s.What == what {
			return s, true
		}
	}
	return s, false
}

// line is the sighting as a transcript has it, after the mark.
func (s Sighting) line() string {
	text := "seen " + string(s.What)
	if s.Detail != "" {
		text += " " + Escape([]byte(s.Detail))
	}
	return text
}

// parseSighting reads what follows "!! seen ".
func (t *Transcript) parseSighting(text string) error {
	what, detail, _ := strings.Cut(text, " ")
	b, err := unescape(detail, len("!! seen ")+len(what)+2)
	s := Sighting{Sight(what), string(b)}
	switch {
	case err != nil:
		return err
	case !s.Valid():
		return fmt.Errorf("\"!! seen %.40s\": want a word of at most %d small letters, digits and hyphens, and at most %d bytes after it", text, maxSight, maxSightDetail)
	case len(t.Seen) == MaxSightings:
		return fmt.Errorf("more than %d lines with \"!! seen\"", MaxSightings)
	}
	t.Seen = append(t.Seen, s)
	return nil
}
