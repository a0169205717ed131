package h2

import "time"

// An Event is something that a [Decoder] read. It is valid only during the call that hands it over, and so
// are Fields, Block and Data. The strings of Fields may be kept.
type Event struct {
	Kind   EventKind
	From   Side
	Stream uint32        // 0: the connection
	Offset int64         // of the frame, or of Data, from the first byte of this side
	At     time.Duration // when the byte came that completed the event

	// EndStream reports that this side ends the stream (END_STREAM), of EventHead and EventData.
	EndStream bool

	Fields    []Field // of EventHead and EventPush, in order, as they came
	Block     []byte  // of the same: the field block as it was sent
	Truncated bool    // of the same: Fields ends after MaxFields
	Promised  uint32  // of EventPush: the stream that will have the answer

	Length uint32 // of EventData: bytes of content, without padding; of EventSkipped: how many of them passed
	Data   []byte // of EventPayload and EventAltSvc, and of EventPing: its 8 bytes
	// Skip and Want are for the receiver to set, of EventData and EventPayload: how many of the next bytes of
	// the content of this frame it does not need, but gets counted by EventSkipped, and how many it needs after
	// these. All others need not be fed either. They are 0 when EventData is handed over, and Want is what is left of
	// it when EventPayload is.
	Skip, Want uint32

	Code      Code    // of EventReset and EventGoAway
	Last      uint32  // of EventGoAway: the highest stream that may have been processed
	Setting   Setting // of EventSetting
	Old       uint32  // of EventSetting: the value before it; see Setting.Initial
	Increment uint32  // of EventWindow

	Blind  Blindness // of EventBlind
	Detail string    // of EventBlind: the kind of the fault, or the error; it may be empty
}

// A Field is one line of a field block. Its value may contain any byte.
type Field struct {
	Name, Value string
	Sensitive   bool // the sender forbids to index it (RFC 7541 §6.2.3)
}

// An EventKind says what happened.
type EventKind uint8

// The kinds of events.
const (
	EventHead        EventKind = iota // a field block of HEADERS and CONTINUATION is complete: a head or trailers
	EventPush                         // likewise of PUSH_PROMISE
	EventData                         // a DATA frame begins
	EventPayload                      // a piece of its content, which the receiver asked for
	EventSkipped                      // a piece of its content passed that the receiver asked to skip
	EventEnd                          // this side has ended the stream: it comes after the head or the last piece of data
	EventReset                        // RST_STREAM
	EventGoAway                       // GOAWAY
	EventSetting                      // one parameter of SETTINGS
	EventSettingsAck                  // SETTINGS with ACK
	EventWindow                       // WINDOW_UPDATE
	EventAltSvc                       // an ALTSVC frame of the server (RFC 7838 §4), of which Data is the payload, at most MaxAltSvc bytes
	EventPing                         // PING without ACK
	EventBlind                        // this side is not decoded from Offset on; no other event of it follows
	EventKinds       = iota
)

// String returns the kind in a few words.
func (k EventKind) String() string {
	return [...]string{"head", "push", "data", "payload", "skipped", "end", "reset", "goaway", "setting", "settings-ack", "window", "altsvc", "ping", "blind"}[k]
}

// A Blindness is why a side is not decoded any more.
type Blindness uint8

// The reasons.
const (
	BlindFault       Blindness = iota // the frames of this side have a fault, see [Fault]
	BlindMissing                      // bytes are missing
	BlindCompression                  // a field block cannot be decoded
	BlindBlock                        // a field block is longer than MaxBlock
	BlindTable                        // a dynamic table is larger than MaxTable, as the other side allowed
	Blindnesses      = iota
)

// String returns the reason in a few words that do not change between releases.
func (b Blindness) String() string {
	return [...]string{"fault", "missing", "compression", "field-block", "table"}[b]
}

// Bounds of a Decoder.
const (
	MaxBlock  = 64 << 10  // bytes of a field block, as it is sent
	MaxFields = 256 << 10 // octets of the fields that are handed over of a block: of each name and value, and 32
	MaxAltSvc = 1 << 10   // bytes of the payload of an ALTSVC frame
	MaxTable  = 64 << 10  // size of a dynamic table (RFC 7541 §4.1)
)
