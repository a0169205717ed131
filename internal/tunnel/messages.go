package tunnel

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/interlock-proxy/interlock/internal/printed"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire/ws"
)

// The bounds of what is shown of messages.
const (
	maxMessages = 512 // the last ones
	maxText     = 240 // characters of one
	maxHex      = 32  // bytes of one that is not text
)

// A Message is one row of the list of messages and control frames, in their order.
type Message struct {
	At   string // when it was complete, from the 101
	Gap  string // the time since the one before, if that is a second or more
	Side string // client or server
	Kind string
	Size string
	Note string // how it was sent, and why not all of it is known
	Text string // the data, or the shape of it; escaped
	Bad  bool   // it cannot be decompressed, or did not end
}

// list lists messages, and marks them on the axis of time.
func (t *View) list(m *ws.Messages) {
	if m == nil {
		return
	}
	dropped, kept := m.Dropped, m.Kept
	for ; len(kept) > maxMessages; kept = kept[1:] {
		dropped[kept[0].From]++
	}
	if dropped != [2]int64{} {
		t.Dropped = fmt.Sprintf("%s of the client and %s of the server came before these and are not kept.",
			printed.Count(dropped[ws.Client], "message"), printed.Thousands(dropped[ws.Server]))
	}
	t.Messages = make([]Message, 0, len(kept))
	before := time.Duration(0)
	for i := range kept {
		is := &kept[i]
		row := messageOf(is)
		if gap := is.At - before; gap >= time.Second {
			row.Gap = printed.Took(gap)
		}
		before = is.At
		t.Messages = append(t.Messages, row)
		if t.Lasts > 0 && is.Kind != ws.Close {
			from := int64(min(max(is.At, 0), t.Lasts)) * 1000 / int64(t.Lasts)
			t.Marks = append(t.Marks, Mark{"message", min(from, 998), 2, is.From.String(), fmt.Sprintf("%s, %s, at %s", row.Kind, row.Size, row.At)})
		}
	}
}

// messageOf says what is known of a message.
func messageOf(m *ws.Message) Message {
	row := Message{At: at(m.At), Side: m.From.String(), Kind: m.Kind.String(), Size: size(m.Sent), Text: text(m)}
	note := func(text string) {
		if row.Note != "" {
			row.Note += ", "
		}
		row.Note += text
	}
	if m.Frames > 1 {
		note("in " + printed.Count(m.Frames, "frame"))
	}
	if m.Compressed && m.Size != ws.SizeUnknown {
		note("decompresses to " + printed.Size(m.Size))
	} else if m.Compressed {
		note("compressed")
	}
	switch m.Cut {
	case ws.CutLong:
		note("the beginning")
	case ws.CutRatio:
		note("decompresses to too much")
	case ws.CutCorrupt:
		note("cannot be decompressed")
		row.Bad = true
	case ws.CutContext:
		note("needs earlier messages to be decompressed")
	case ws.CutMemory:
		note("no memory was left for it")
	case ws.CutEnd:
		note("did not end")
		row.Bad = true
	}
	return row
}

// text is the data of a message, or its shape.
func text(m *ws.Message) string {
	b := m.Data
	switch {
	case b == nil:
		return m.Shape
	case m.Kind == ws.Close && len(b) >= 2:
		code := int(binary.BigEndian.Uint16(b))
		return fmt.Sprintf("%d %s", code, printed.Escaped(rules.PublicReason(string(b[2:])), maxText))
	case m.Kind != ws.Binary && utf8.Valid(b):
		return printed.Cut(printed.Text(string(b[:min(len(b), 4*maxText)])), maxText)
	}
	shown := hex.EncodeToString(b[:min(len(b), maxHex)])
	if len(b) > maxHex {
		shown += "..."
	}
	return shown
}
