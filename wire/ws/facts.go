package ws

import "time"

// A Side is who sends.
type Side uint8

// The sides.
const (
	Client Side = iota
	Server
)

// String returns client or server.
func (s Side) String() string { return [...]string{"client", "server"}[s] }

// A Kind is what a frame is, by its opcode.
type Kind uint8

// The kinds of frames. Those from Close to Pong are control frames.
const (
	Continuation Kind = iota
	Text
	Binary
	Close
	Ping
	Pong
	Reserved // any other opcode
	Kinds    = iota
)

// String returns the name of the kind.
func (k Kind) String() string {
	return [...]string{"continuation", "text", "binary", "close", "ping", "pong", "reserved"}[k]
}

func (k Kind) control() bool { return k >= Close && k <= Pong }
func (k Kind) data() bool    { return k <= Binary }

// kindOf returns the kind of an opcode (RFC 6455 §11.8).
func kindOf(opcode byte) Kind {
	switch {
	case opcode <= 2:
		return Kind(opcode)
	case opcode >= 8 && opcode <= 10:
		return Close + Kind(opcode-8)
	}
	return Reserved
}

// Facts are what the frames of a tunnel show. They are a value that their receivers must not change.
type Facts struct {
	Sides       [2]Sent // by Side
	ClosedFirst Side    // the side whose first Close frame came first, if there is one
	Idle        time.Duration
	IdleAt      time.Duration // when the longest time without a byte began, from the 101; see Idle
}

// Sent is what one side sent. Counts stop at 2^32-1.
type Sent struct {
	Frames         [Kinds]Count
	Messages       int64  // complete ones
	Compressed     int64  // messages with RSV1, where permessage-deflate was accepted
	Unchecked      int64  // text messages whose UTF-8 was not checked: compressed, or with a frame of more than MaxChecked bytes
	Fragmented     int64  // messages of several frames
	MostFragments  int64  // frames of the message that had the most
	LargestFrame   uint64 // payload as announced
	LargestMessage uint64 // payload of its frames as announced, also if it did not end

	ZeroKeys     int64 // of a client: masked frames with payload whose key is zero
	RepeatedKeys int64 // of a client: those whose key is that of the frame with payload before them

	Pings        Pings
	UnaskedPongs int64 // that answer no Ping, which is allowed (RFC 6455 §5.5.3)
	ForeignPongs int64 // those of them that came while a Ping waited for its answer

	Close  *Closing // its first Close frame; nil if it sent none
	Faults []Fault  // the first of each kind, in the order in which they came
	HTTP   bool     // where Lost: HTTP begins there
	Lost   bool     // from Read on the bytes are not frames, or some are missing, and they were not looked at
	Cut    bool     // the bytes end within a frame
	Open   bool     // they end within a message
	Read   int64    // bytes up to where frames were read
}

// A Count is how many frames came and how many bytes of payload.
type Count struct{ Frames, Bytes int64 }

// All returns the sum over all kinds.
func (s *Sent) All() (all Count) {
	for _, n := range s.Frames {
		all.Frames += n.Frames
		all.Bytes += n.Bytes
	}
	return all
}

// Fault returns the first fault of a kind; nil if there is none.
func (s *Sent) Fault(kind FaultKind) *Fault {
	for i := range s.Faults {
		if s.Faults[i].Kind == kind {
			return &s.Faults[i]
		}
	}
	return nil
}

// Pings are how the Ping frames of one side were answered. A Pong answers the Ping with its data and
// all that came before that one (RFC 6455 §5.5.3).
type Pings struct {
	Answered int64
	Waiting  int64         // that have no answer; at most the last MaxWaiting are known
	Since    time.Duration // when the oldest of these came, from the 101
	Passed   int64         // frames that the other side has sent since then
	Shortest time.Duration // round trip
	Longest  time.Duration // round trip
}

// MaxWaiting is how many Pings without an answer are remembered of each side.
const MaxWaiting = 4

// A Closing is a Close frame.
type Closing struct {
	Size       int           // of its payload, as announced; up to 125 is read
	Code       int           // NoCode if it has none
	Reason     string        // as it was sent
	At         time.Duration // from the 101
	DataAfter  int64         // data frames that the same side sent after it
	BytesAfter int64         // payload of these
}

// NoCode is the code of a Close frame without one (RFC 6455 §7.4.1).
const NoCode = 1005

// A Fault is something that the receiver of a frame must not accept.
type Fault struct {
	Kind   FaultKind
	Count  int64  // how many frames have it
	Frame  int64  // the first of them: its number, from one, among the frames of its side
	Offset int64  // of its first byte, from the first byte after the handshake
	First  byte   // its first byte: FIN, the reserved bits and the opcode
	Masked bool   // its mask bit
	Length uint64 // of its payload, as announced
	Head   int    // bytes before the payload
}

// A FaultKind says what is wrong with a frame.
type FaultKind uint8

// The kinds of faults.
const (
	FaultMask        FaultKind = iota // a client's frame without a mask, a server's with one (§5.1)
	FaultReserved                     // a reserved bit that no accepted extension explains (§5.2)
	FaultOpcode                       // a reserved opcode (§5.2)
	FaultOrder                        // a continuation of nothing, or a message inside another (§5.4)
	FaultControl                      // a control frame that is fragmented or has more than 125 bytes (§5.5)
	FaultLength                       // a length that is not in its shortest form, or is 2^63 or more (§5.2)
	FaultText                         // a text message that is not UTF-8 (§8.1)
	FaultCloseBody                    // a Close frame with one byte (§5.5.1)
	FaultCloseCode                    // a Close frame with a code that must not be sent (§7.4)
	FaultCloseReason                  // a Close frame whose reason is not UTF-8 (§5.5.1)
	FaultAfterClose                   // a data frame after a Close frame (§5.5.1)
	FaultKinds       = iota
)

// String returns the kind in a few words that do not change between releases.
func (k FaultKind) String() string {
	return [...]string{
		"mask", "reserved-bits", "opcode", "order", "control", "length", "utf-8", "close-body", "close-code", "close-reason", "after-close",
	}[k]
}
