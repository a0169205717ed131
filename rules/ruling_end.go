package rules

import (
	"bytes"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/interlock-proxy/interlock/wire"
)

// endJSON is how a tunnel ended, as the contracts write it.
type endJSON struct {
	Milliseconds float64   `json:"milliseconds"` // from the 101 until the first side ended it
	Idle         float64   `json:"idle"`         // milliseconds without a byte before that
	Lost         bool      `json:"lost,omitempty"`
	First        string    `json:"first,omitempty"`
	Client       *wordJSON `json:"client,omitempty"`
	Server       *wordJSON `json:"server,omitempty"`
}

// wordJSON is what one side sent last.
type wordJSON struct {
	Last   string `json:"last"`
	Code   int    `json:"code,omitempty"`
	Reason string `json:"reason,omitempty"`
}

func endOf(e *wire.End) *endJSON {
	if e == nil {
		return nil
	}
	return &endJSON{millisecondsOf(e.Open), millisecondsOf(e.Idle), e.Lost, e.First, wordOf(e.Client), wordOf(e.Server)}
}

func wordOf(w wire.Word) *wordJSON {
	if w.Kind == "" {
		return nil
	}
	return &wordJSON{w.Kind, w.Code, ShownReason(w.Reason)}
}

// ShownReason is the reason of a Close frame, fit to be shown: in the notation of transcripts, with tokens blanked out.
func ShownReason(reason string) string { return readable(PublicReason(reason)) }

// PublicReason is the reason of a Close frame with tokens and the values of secret names, as in token=..., blanked out.
func PublicReason(reason string) string {
	const between = " \t\r\n,;&?\"'()"
	shown := []byte(reason)
	for at := 0; at < len(shown); {
		end := bytes.IndexAny(shown[at:], between)
		if end < 0 {
			end = len(shown) - at
		}
		word := shown[at : at+end]
		if name, value, ok := bytes.Cut(word, []byte("=")); ok && isSecretName(name) {
			blankAll(value)
		}
		for part := range bytes.FieldsFuncSeq(word, func(r rune) bool { return r == '=' || r == ':' || r == '/' }) {
			if isOpaque(part) {
				blankAll(part)
			}
		}
		at += end + 1
	}
	return withoutTokens(string(shown))
}

// end is how a tunnel ended, as it was read.
func (j *endJSON) end() *wire.End {
	if j == nil {
		return nil
	}
	return &wire.End{Open: durationOf(j.Milliseconds), Idle: durationOf(j.Idle), Lost: j.Lost, First: j.First, Client: j.Client.word(), Server: j.Server.word()}
}

func (j *wordJSON) word() wire.Word {
	if j == nil {
		return wire.Word{}
	}
	reason := j.Reason
	if raw, err := strconv.Unquote(`"` + strings.ReplaceAll(reason, `"`, `\"`) + `"`); err == nil {
		reason = raw
	}
	return wire.Word{Kind: j.Last[:min(len(j.Last), maxWord)], Code: j.Code, Reason: reason[:min(len(reason), maxReason)]}
}

const (
	maxWord   = 32  // bytes of the name of a kind
	maxReason = 123 // bytes of a reason (RFC 6455 §5.5)
)

// millisecondsOf is a time in milliseconds, exact to a microsecond.
func millisecondsOf(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// durationOf is the time of so many milliseconds, of which microseconds count. What is out of range is none.
func durationOf(milliseconds float64) time.Duration {
	if !(math.Abs(milliseconds) <= longestMilliseconds) {
		return 0
	}
	return time.Duration(math.Round(milliseconds*1000)) * time.Microsecond
}
