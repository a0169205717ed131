package h2

import "time"

// A Side is who sends. On a connection that began as HTTP/1.1, that decides who is the client.
type Side uint8

// The sides.
const (
	Client Side = iota
	Server
)

// String returns client or server.
func (s Side) String() string { return [...]string{"client", "server"}[s] }

// Facts are what the frames of a connection show. They are a value that their receivers must not
// change.
type Facts struct {
	Sides     [2]Sent // by Side
	GoneFirst Side    // the side whose first GOAWAY came first, if there is one
	Swapped   bool    // the server of HTTP/1.1 acts as the client of HTTP/2, as in a build session of Docker
	Idle      time.Duration
	IdleAt    time.Duration // when the longest time without a byte began, from the start; see Idle
}

// Sent is what one side sent. Counts stop at 2^32-1.
type Sent struct {
	Frames   [Types]int64
	Data     int64 // bytes of payload of DATA frames
	Rest     int64 // and of all others
	Largest  int64 // payload of the largest frame, as announced
	Preface  bool  // it began with the preface of a client
	Opened   int64 // streams that it opened with HEADERS
	Last     int64 // the highest of these
	Ended    int64 // HEADERS and DATA frames that end their stream
	Acks     Acks
	Settings []Setting // the last value of each parameter, in the order of their numbers, of the first MaxSettings that came

	Resets []Resets // RST_STREAM frames by code, in the order of the codes
	GoAway *Goodbye // its last GOAWAY; nil if it sent none
	Fault  *Fault   // the first one; nil if there is none. From there on its bytes are not read, unless Lost is false
	HTTP   bool     // HTTP/1 begins where the fault is
	Lost   bool     // from Read on the bytes were not looked at: there is a fault, or some are missing
	Cut    bool     // the bytes end within a frame or the preface
	Read   int64    // bytes up to where frames were read
}

// All returns the number of frames.
func (s *Sent) All() (all int64) {
	for _, n := range s.Frames {
		all += n
	}
	return all
}

// Unanswered returns how many PING frames of a side the other one has not acknowledged.
func (f *Facts) Unanswered(from Side) int64 {
	s := &f.Sides[from]
	return max(s.Frames[Ping]-s.Acks.Pings-f.Sides[1-from].Acks.Pings, 0)
}

// Acks are how many acknowledgements a side sent.
type Acks struct{ Settings, Pings int64 }

// Resets are how many streams a side reset with a code.
type Resets struct {
	Code  Code // OtherCode: all that RFC 9113 does not define
	Count int64
}

// OtherCode stands for codes that RFC 9113 §7 does not define.
const OtherCode Code = 1<<32 - 1

// A Goodbye is a GOAWAY frame (RFC 9113 §6.8).
type Goodbye struct {
	Last  uint32 // the highest stream that may have been processed
	Code  Code
	Count int64         // GOAWAY frames of that side
	At    time.Duration // of the last one, from the start
}

// A Fault is something after which the receiver must end the connection.
type Fault struct {
	Kind   FaultKind
	Frame  int64 // its number, from one, among the frames of its side; 0: there is none, as for the preface
	Offset int64 // of its first byte, from the start
	Head   Head
	Limit  int64 // of FaultSize: the largest frame that the other side allows
}

// A FaultKind says what is wrong.
type FaultKind uint8

// The kinds of faults.
const (
	FaultPreface FaultKind = iota // no preface of a client, or one of both sides (§3.4)
	FaultFirst                    // the first frame is not SETTINGS (§3.4)
	FaultSize                     // a frame longer than the other side allows (§4.2)
	FaultLength                   // a length that frames of this type cannot have (§6)
	FaultStream                   // a stream that such a frame cannot belong to, or that was never opened (§5.1, §6)
	FaultOrder                    // a field block that another frame interrupts, or CONTINUATION of none (§6.10)
	FaultPush                     // PUSH_PROMISE of a client (§8.4)
	FaultSetting                  // a setting with a value that is not allowed (§6.5.2)
	FaultWindow                   // WINDOW_UPDATE of zero for the connection (§6.9)
	FaultPadding                  // padding that is longer than what is left of the frame (§6.1)
	FaultKinds   = iota
)

// String returns the kind in a few words that do not change between releases.
func (k FaultKind) String() string {
	return [...]string{"preface", "first-frame", "frame-size", "length", "stream", "order", "push", "setting", "window", "padding"}[k]
}
