package ws

import (
	"slices"
	"time"
)

// A Message is a message of a tunnel, whole however many frames it came in, or a control frame.
type Message struct {
	From       Side
	Kind       Kind          // Text, Binary, Close, Ping or Pong
	At         time.Duration // when its last byte came, from the 101
	Size       int64         // of its payload, decompressed; SizeUnknown if that is not known
	Sent       uint64        // bytes of payload as they were sent
	Frames     int64         // how many frames it came in
	Compressed bool          // by permessage-deflate (RFC 7692)
	Cut        Cut           // why Data or Shape is not that of the whole message

	// Data is how the payload begins, decompressed. It is nil where only the shape is kept, and then
	// Shape says what can be told without a value. Receivers must not change it.
	Data  []byte
	Shape string
}

// SizeUnknown is the size of a message that was not decompressed to its end.
const SizeUnknown = -1

// A Cut says why not all of a message is known.
type Cut uint8

// The reasons, of which a message has the first that applied.
const (
	Whole      Cut = iota // all of it is known
	CutLong               // it is longer than what is kept of a message
	CutRatio              // it decompresses to more than is allowed; no later message of its side is decompressed
	CutCorrupt            // it cannot be decompressed
	CutContext            // it needs earlier messages of its side to be decompressed, and these were not
	CutMemory             // there was no memory for it
	CutEnd                // it had not ended when the tunnel ended or its frames were no longer read
	cuts       = iota
)

// String returns the reason in one word that does not change between releases; "" for Whole.
func (c Cut) String() string {
	return [...]string{"", "long", "ratio", "corrupt", "context", "memory", "end"}[c]
}

// Messages are the last messages of a tunnel, in the order in which they ended. They are a value that
// their receivers must not change.
type Messages struct {
	Kept    []Message
	Dropped [2]int64 // by Side: messages before these, which are not kept
}

// The bounds of what is kept, and what they are by default.
const (
	MessageBytes    = 4 << 10   // of a message
	TunnelBytes     = 64 << 10  // of the messages of a tunnel, see Message.Bytes
	MaxMessageBytes = 64 << 10  // may be kept of a message
	MaxTunnelBytes  = 512 << 10 // may be kept of a tunnel
)

// messageBytes is about how much memory a message takes besides its data.
const messageBytes = 128

// Bytes returns about how much memory a message takes. The bounds of a tunnel count in it.
func (m *Message) Bytes() int { return messageBytes + len(m.Data) + len(m.Shape) }

// Bytes returns about how much memory the messages take.
func (m *Messages) Bytes() (n int) {
	if m == nil {
		return 0
	}
	for i := range m.Kept {
		n += m.Kept[i].Bytes()
	}
	return n
}

// Shapes returns the messages without their data: of each, only its shape is left.
func (m *Messages) Shapes() *Messages {
	if m == nil {
		return nil
	}
	other := &Messages{Kept: slices.Clone(m.Kept), Dropped: m.Dropped}
	for i := range other.Kept {
		other.Kept[i].reduce()
	}
	return other
}

// reduce replaces the data of a message by its shape.
func (m *Message) reduce() {
	if m.Data != nil {
		m.Shape = shapeOf(m.Kind, m.Data, m.Cut == Whole)
		m.Data = nil
	}
}
