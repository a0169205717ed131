package rules

import (
	"encoding/json"
	"strconv"
	"strings"
)

// appendJSON appends the finding as encoding/json writes a findingJSON. Most of a ruling is findings
// that passed, so those are written without reflection.
func (f *Finding) appendJSON(b []byte, key Key) []byte {
	b = append(b, `{"rule":`...)
	b = appendText(b, f.Rule.ID)
	b = append(append(b, `,"verdict":"`...), f.Verdict.String()...)
	b = append(append(b, `","severity":"`...), f.Severity.String()...)
	b = append(append(b, `","level":"`...), f.Rule.Level.String()...)
	b = append(append(b, `","party":"`...), f.Party.String()...)
	b = append(b, '"')
	if f.Attribution != "" {
		b = appendText(append(b, `,"attribution":`...), f.Attribution)
	}
	if len(f.Related) > 0 {
		b = append(b, `,"related":[`...)
		for i, id := range f.Related {
			b = appendText(appendComma(b, i), id)
		}
		b = append(b, ']')
	}
	b = appendText(append(b, `,"detail":`...), f.Detail)
	b = append(b, `,"refs":[`...)
	for i := range f.Refs {
		b = f.Refs[i].appendJSON(appendComma(b, i))
	}
	b = append(b, `],"fingerprint":"`...)
	b = key.appendFingerprint(b)
	b = appendText(append(b, `","state":`...), f.State)
	b = append(b, `,"spans":[`...)
	for i, s := range f.Spans[:min(len(f.Spans), maxSpans)] {
		b = appendText(append(appendComma(b, i), `{"part":`...), string(s.Part))
		b = strconv.AppendInt(append(b, `,"from":`...), int64(s.From), 10)
		b = strconv.AppendInt(append(b, `,"to":`...), int64(s.To), 10)
		b = append(b, '}')
	}
	return append(b, "]}"...)
}

// appendJSON appends what String returns.
func (r Ref) appendJSON(b []byte) []byte {
	if !isPlain(r.RFC) || !isPlain(r.Section) {
		return appendText(b, r.String())
	}
	b = append(append(b, `"RFC `...), r.RFC...)
	return append(append(append(b, ` \u00a7`...), r.Section...), '"')
}

// isPlain reports whether no character of a text is escaped in JSON.
func isPlain(text string) bool {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			return false
		}
	}
	return true
}

// appendComma appends the comma before an element other than the first.
func appendComma(b []byte, i int) []byte {
	if i > 0 {
		b = append(b, ',')
	}
	return b
}

// appendText appends a string as encoding/json writes it, and the section sign of references escaped:
// then most rulings are ASCII.
func appendText(b []byte, text string) []byte {
	start := len(b)
	b = append(b, '"')
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case strings.HasPrefix(text[i:], "§"):
			b = append(b, `\u00a7`...)
			i++
		case c < ' ' || c >= 0x80 || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&':
			quoted, err := json.Marshal(text)
			if err != nil { // no string is an error
				quoted = []byte(`""`)
			}
			return append(b[:start], quoted...)
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}
