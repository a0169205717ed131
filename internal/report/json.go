package report

import (
	"encoding/binary"
	"encoding/json"
	"io"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/interlock-proxy/interlock/rules"
)

var _ = register(Format{
	Name: "json", Title: "an array of rulings",
	Open: func(w io.Writer, _ Options) Writer { return &arrayWriter{w: w} },
})

// arrayWriter writes an array, an element a line.
type arrayWriter struct {
	w     io.Writer
	begun bool
	text  []byte // of the last element, whose place is used again
}

// Write is part of Writer.
func (a *arrayWriter) Write(r *rules.Ruling) error {
	front := ",\n"
	if !a.begun {
		a.begun, front = true, "[\n"
	}
	b, err := AppendElement(append(a.text[:0], front...), r)
	if err != nil {
		return err
	}
	a.text = b
	_, err = a.w.Write(b)
	return err
}

// Close is part of Writer.
func (a *arrayWriter) Close(*Summary) error {
	end := "\n]\n"
	if !a.begun {
		end = "[]\n"
	}
	_, err := io.WriteString(a.w, end)
	return err
}

// remedy is added to a failure in JSON.
type remedy struct {
	Rule string `json:"rule"`
	Why  string `json:"why"`
	Fix  string `json:"fix"`
}

// remedies are those of the failures of a ruling.
func remedies(r *rules.Ruling) []remedy {
	var all []remedy
	for i := range r.Findings {
		if f := &r.Findings[i]; f.Verdict == rules.Fail {
			all = append(all, remedy{f.Rule.ID, f.Rule.Why, f.Rule.Fix})
		}
	}
	return all
}

// Element returns a ruling in the format of the contracts. Failures also have a command that
// reproduces them, their impact and their fix.
func Element(r *rules.Ruling) ([]byte, error) {
	return AppendElement(nil, r)
}

// AppendElement appends what Element returns.
func AppendElement(to []byte, r *rules.Ruling) ([]byte, error) {
	b, err := r.AppendJSON(to) // json.Marshal would go over it once more
	if err != nil {
		return nil, err
	}
	if all := remedies(r); all != nil {
		a := NewRecipe(r)
		further, err := json.Marshal(struct {
			Again    string   `json:"again"`
			Curl     string   `json:"curl,omitempty"`
			Portable string   `json:"portable,omitempty"` // by interlock
			Notes    []string `json:"againNotes,omitempty"`
			Remedies []remedy `json:"remedies"`
		}{a.again(), strings.Join(a.Curl, " "), a.Probe, a.Notes, all})
		if err != nil {
			return nil, err
		}
		b = append(append(b[:len(b)-1], ','), further[1:]...)
	}
	return ascii(b), nil
}

// ascii escapes everything in JSON that is not printable ASCII, so that it cannot control a
// terminal or an editor.
func ascii(b []byte) []byte {
	i := plainLen(b)
	if i == len(b) {
		return b
	}
	plain := make([]byte, 0, len(b)+len(b)/8)
	for i < len(b) {
		plain = append(plain, b[:i]...)
		r, n := utf8.DecodeRune(b[i:])
		if high, low := utf16.EncodeRune(r); high != utf8.RuneError {
			plain = appendEscape(appendEscape(plain, high), low)
		} else {
			plain = appendEscape(plain, r)
		}
		b = b[i+n:]
		i = plainLen(b)
	}
	return append(plain, b...)
}

// plainLen returns how many bytes at the start are printable ASCII.
func plainLen(b []byte) int {
	const ones, high = 0x0101010101010101, 0x8080808080808080
	i := 0
	for ; i+8 <= len(b); i += 8 { // eight at a time: 0x7f and one more sets the high bit, and nothing less does
		if v := binary.LittleEndian.Uint64(b[i:]); (v|(v+ones))&high != 0 {
			break
		}
	}
	for ; i < len(b) && b[i] < 0x7f; i++ {
	}
	return i
}

// appendEscape appends the escape sequence of a character below 0x10000.
func appendEscape(b []byte, r rune) []byte {
	const digits = "0123456789abcdef"
	return append(b, '\\', 'u', digits[r>>12&15], digits[r>>8&15], digits[r>>4&15], digits[r&15])
}

// Document writes v as an indented JSON document in ASCII, so that it cannot control a terminal.
func Document(w io.Writer, v any) error {
	b, err := json.MarshalIndent(v, "", " ")
	if err == nil {
		_, err = w.Write(append(ascii(b), '\n'))
	}
	return err
}
