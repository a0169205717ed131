package run

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/interlock-proxy/interlock/wire/ws"
)

// maxDifferences is how many messages that differ are described; the others are counted.
const maxDifferences = 10

// MessageDifferences compares the messages that a server sent in a recorded tunnel with those that it
// sends when the client's are sent again, in lines; none if they are equal. Pings are not compared,
// because a server sends them when it likes. Payload is shown only with full.
func MessageDifferences(was, now *ws.Messages, full bool) (lines []string) {
	a, b := ofServer(was), ofServer(now)
	if was.Dropped[ws.Server] > 0 {
		return []string{fmt.Sprintf("messages  not compared: the first %d of the server were not recorded", was.Dropped[ws.Server])}
	}
	if len(a) != len(b) {
		lines = append(lines, fmt.Sprintf("messages  %d of the server, and now %d", len(a), len(b)))
	}
	more := 0
	for i := range min(len(a), len(b)) {
		if same(a[i], b[i]) {
			continue
		}
		if len(lines) >= maxDifferences {
			more++
			continue
		}
		lines = append(lines, fmt.Sprintf("message %d %s, and now %s", i+1, messageText(a[i], full), messageText(b[i], full)))
	}
	if more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more messages", more))
	}
	return lines
}

// ofServer returns the messages of the server that are compared.
func ofServer(m *ws.Messages) (all []*ws.Message) {
	if m == nil {
		return nil
	}
	for i := range m.Kept {
		if each := &m.Kept[i]; each.From == ws.Server && each.Kind != ws.Ping {
			all = append(all, each)
		}
	}
	return all
}

// same reports whether two messages are equal as far as both are known.
func same(a, b *ws.Message) bool {
	n := min(len(a.Data), len(b.Data))
	return a.Kind == b.Kind && (a.Size == b.Size || a.Size == ws.SizeUnknown || b.Size == ws.SizeUnknown) && bytes.Equal(a.Data[:n], b.Data[:n])
}

// messageText describes a message in a few words.
func messageText(m *ws.Message, full bool) string {
	text := fmt.Sprintf("%s of %d bytes", m.Kind, m.Size)
	if m.Size == ws.SizeUnknown {
		text = fmt.Sprintf("%s of unknown size", m.Kind)
	}
	if m.Kind == ws.Close && len(m.Data) >= 2 {
		text = fmt.Sprintf("close %d", binary.BigEndian.Uint16(m.Data))
	}
	if full && m.Kind == ws.Text {
		text += fmt.Sprintf(" %.80q", string(m.Data))
	}
	return text
}
