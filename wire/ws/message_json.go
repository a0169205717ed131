package ws

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// maxMessages is how many messages are read; more are counted as dropped. maxShape bounds the shape of
// one that is read.
const (
	maxMessages = MaxTunnelBytes / messageBytes
	maxShape    = 4 << 10
)

type messagesJSON struct {
	Kept    []messageJSON `json:"kept"`
	Dropped *droppedJSON  `json:"dropped,omitempty"`
}

type droppedJSON struct {
	Client int64 `json:"client"`
	Server int64 `json:"server"`
}

type messageJSON struct {
	From       string    `json:"from"` // client or server
	Kind       string    `json:"kind"`
	At         float64   `json:"at"`             // in milliseconds from the 101
	Size       *int64    `json:"size,omitempty"` // absent: not known
	Sent       *uint64   `json:"sent,omitempty"` // absent: as many as Size
	Frames     int64     `json:"frames,omitempty"`
	Compressed bool      `json:"compressed,omitempty"`
	Cut        string    `json:"cut,omitempty"`
	Text       *jsonText `json:"text,omitempty"` // the data of what is not binary, if it is UTF-8
	Data       *[]byte   `json:"data,omitempty"` // the data otherwise
	Shape      string    `json:"shape,omitempty"`
}

// A jsonText is a string whose JSON has only printable characters: the others are escaped.
type jsonText string

// MarshalJSON writes the text.
func (t jsonText) MarshalJSON() ([]byte, error) {
	b := []byte{'"'}
	for _, r := range string(t) {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case unicode.IsPrint(r):
			b = utf8.AppendRune(b, r)
		case r > math.MaxUint16:
			high, low := utf16.EncodeRune(r)
			b = fmt.Appendf(b, `\u%04x\u%04x`, high, low)
		default:
			b = fmt.Appendf(b, `\u%04x`, r)
		}
	}
	return append(b, '"'), nil
}

// MarshalJSON writes the messages with times in milliseconds.
func (m *Messages) MarshalJSON() ([]byte, error) {
	j := messagesJSON{Kept: make([]messageJSON, 0, len(m.Kept))}
	if m.Dropped != [2]int64{} {
		j.Dropped = &droppedJSON{m.Dropped[Client], m.Dropped[Server]}
	}
	for i := range m.Kept {
		j.Kept = append(j.Kept, m.Kept[i].json())
	}
	return json.Marshal(j)
}

// UnmarshalJSON reads what MarshalJSON writes. Messages of a kind of a later release are counted as
// dropped.
func (m *Messages) UnmarshalJSON(b []byte) error {
	var j messagesJSON
	if err := json.Unmarshal(b, &j); err != nil {
		return fmt.Errorf("read messages: %w", err)
	}
	*m = Messages{}
	if d := j.Dropped; d != nil {
		m.Dropped = [2]int64{max(d.Client, 0), max(d.Server, 0)}
	}
	kept := make([]Message, 0, len(j.Kept))
	for i := range j.Kept {
		if message, ok := j.Kept[i].message(); ok {
			kept = append(kept, message)
		} else {
			m.Dropped[message.From]++
		}
	}
	m.Append(kept...)
	return nil
}

// Append adds messages that came after those at hand. Where there are more than a tunnel may keep, the
// first ones are counted as dropped.
func (m *Messages) Append(more ...Message) {
	m.Kept = append(m.Kept, more...)
	excess := max(len(m.Kept)-maxMessages, 0)
	for i := range excess {
		m.Dropped[m.Kept[i].From]++
	}
	m.Kept = m.Kept[excess:]
}

// MarshalJSON writes one message, as Messages writes it.
func (m Message) MarshalJSON() ([]byte, error) { return json.Marshal(m.json()) }

// UnmarshalJSON reads what MarshalJSON writes.
func (m *Message) UnmarshalJSON(b []byte) error {
	var j messageJSON
	if err := json.Unmarshal(b, &j); err != nil {
		return fmt.Errorf("read a message: %w", err)
	}
	var ok bool
	if *m, ok = j.message(); !ok {
		return fmt.Errorf("read a message: unknown kind %.40q of %.40q", j.Kind, j.From)
	}
	return nil
}

func (m *Message) json() messageJSON {
	j := messageJSON{From: m.From.String(), Kind: m.Kind.String(), At: millis(m.At), Compressed: m.Compressed, Cut: m.Cut.String(), Shape: m.Shape}
	if m.Size >= 0 {
		j.Size = &m.Size
	}
	if m.Size < 0 || uint64(m.Size) != m.Sent {
		j.Sent = &m.Sent
	}
	if m.Frames != 1 {
		j.Frames = m.Frames
	}
	switch {
	case m.Data == nil:
	case m.Kind != Binary && utf8.Valid(m.Data):
		text := jsonText(m.Data)
		j.Text = &text
	default:
		j.Data = &m.Data
	}
	return j
}

func (j *messageJSON) message() (m Message, ok bool) {
	m = Message{
		At: duration(j.At), Size: SizeUnknown, Frames: max(j.Frames, 1), Compressed: j.Compressed,
		Shape: strings.ToValidUTF8(j.Shape[:min(len(j.Shape), maxShape)], ""),
	}
	if j.From == Server.String() {
		m.From = Server
	}
	if j.Size != nil && *j.Size >= 0 {
		m.Size, m.Sent = *j.Size, uint64(*j.Size)
	}
	if j.Sent != nil {
		m.Sent = *j.Sent
	}
	switch {
	case j.Text != nil:
		m.Data = []byte(*j.Text)
	case j.Data != nil:
		m.Data = append([]byte{}, *j.Data...)
	}
	m.Cut = cutOf(j.Cut)
	if len(m.Data) > MaxMessageBytes {
		m.Data, m.Cut = m.Data[:MaxMessageBytes:MaxMessageBytes], CutLong
	}
	for kind := Text; kind < Reserved; kind++ {
		if kind.String() == j.Kind {
			m.Kind, ok = kind, true
		}
	}
	return m, ok && (j.From == Client.String() || j.From == Server.String())
}

// cutOf returns the reason that is written so. One of a later release is taken for the commonest.
func cutOf(text string) Cut {
	for c := range Cut(cuts) {
		if c.String() == text {
			return c
		}
	}
	return CutLong
}
