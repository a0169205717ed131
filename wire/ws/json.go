package ws

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The bounds of what is read of facts.
const (
	maxReason  = 123  // bytes of a reason (RFC 6455 §5.5)
	maxMillis  = 1e12 // microseconds of it are exact
	maxEscaped = 4 * maxReason
)

type factsJSON struct {
	Client      sentJSON `json:"client"`
	Server      sentJSON `json:"server"`
	ClosedFirst string   `json:"closedFirst,omitempty"` // client or server
	Idle        float64  `json:"idle"`                  // times are in milliseconds
	IdleAt      float64  `json:"idleAt"`
}

type sentJSON struct {
	Frames         map[string]countJSON `json:"frames,omitempty"`
	Messages       int64                `json:"messages"`
	Compressed     int64                `json:"compressed,omitempty"`
	Unchecked      int64                `json:"unchecked,omitempty"`
	Fragmented     int64                `json:"fragmented,omitempty"`
	MostFragments  int64                `json:"mostFragments,omitempty"`
	LargestFrame   uint64               `json:"largestFrame"`
	LargestMessage uint64               `json:"largestMessage"`
	ZeroKeys       int64                `json:"zeroKeys,omitempty"`
	RepeatedKeys   int64                `json:"repeatedKeys,omitempty"`
	Pings          *pingsJSON           `json:"pings,omitempty"`
	UnaskedPongs   int64                `json:"unaskedPongs,omitempty"`
	ForeignPongs   int64                `json:"foreignPongs,omitempty"`
	Close          *closingJSON         `json:"close,omitempty"`
	Faults         []faultJSON          `json:"faults,omitempty"`
	HTTP           bool                 `json:"http,omitempty"`
	Lost           bool                 `json:"lost,omitempty"`
	Cut            bool                 `json:"cut,omitempty"`
	Open           bool                 `json:"open,omitempty"`
	Read           int64                `json:"read"`
}

type countJSON struct {
	Frames int64 `json:"frames"`
	Bytes  int64 `json:"bytes"`
}

type pingsJSON struct {
	Answered int64   `json:"answered"`
	Waiting  int64   `json:"waiting,omitempty"`
	Since    float64 `json:"since,omitempty"`
	Passed   int64   `json:"passed,omitempty"`
	Shortest float64 `json:"shortest"`
	Longest  float64 `json:"longest"`
}

type closingJSON struct {
	Size       int     `json:"size"`
	Code       int     `json:"code"`
	Reason     string  `json:"reason,omitempty"` // in the notation of transcripts
	At         float64 `json:"at"`
	DataAfter  int64   `json:"dataAfter,omitempty"`
	BytesAfter int64   `json:"bytesAfter,omitempty"`
}

type faultJSON struct {
	Kind   string `json:"kind"`
	Count  int64  `json:"count"`
	Frame  int64  `json:"frame"`
	Offset int64  `json:"offset"`
	First  byte   `json:"first"`
	Masked bool   `json:"masked,omitempty"`
	Length uint64 `json:"length"`
	Head   int    `json:"head"`
}

// MarshalJSON writes the facts with times in milliseconds.
func (f *Facts) MarshalJSON() ([]byte, error) {
	if b, ok := f.encodeEmpty(); ok {
		return b, nil
	}
	j := factsJSON{Client: f.Sides[Client].json(), Server: f.Sides[Server].json(), Idle: millis(f.Idle), IdleAt: millis(f.IdleAt)}
	if f.Sides[f.ClosedFirst].Close != nil {
		j.ClosedFirst = f.ClosedFirst.String()
	}
	return json.Marshal(j)
}

// encodeEmpty writes the facts of a tunnel without a frame, which encoding/json takes long for; it
// returns false for others.
func (f *Facts) encodeEmpty() (b []byte, ok bool) {
	if f.ClosedFirst != Client || !f.Sides[Client].isEmpty() || !f.Sides[Server].isEmpty() {
		return nil, false
	}
	const side = `{"messages":0,"largestFrame":0,"largestMessage":0,"read":0}`
	const text = `{"client":` + side + `,"server":` + side + `,"idle":`
	b = strconv.AppendFloat(append(make([]byte, 0, len(text)+40), text...), millis(f.Idle), 'f', -1, 64)
	b = strconv.AppendFloat(append(b, `,"idleAt":`...), millis(f.IdleAt), 'f', -1, 64)
	return append(b, '}'), true
}

// isEmpty reports whether the side sent nothing.
func (s *Sent) isEmpty() bool {
	return s.Frames == [Kinds]Count{} && s.Pings == Pings{} && s.Close == nil && s.Faults == nil && !s.HTTP && !s.Lost && !s.Cut && !s.Open &&
		s.Messages|s.Compressed|s.Unchecked|s.Fragmented|s.MostFragments|s.ZeroKeys|s.RepeatedKeys|s.UnaskedPongs|s.ForeignPongs|s.Read == 0 &&
		s.LargestFrame|s.LargestMessage == 0
}

func (s *Sent) json() sentJSON {
	j := sentJSON{
		Messages: s.Messages, Compressed: s.Compressed, Unchecked: s.Unchecked, Fragmented: s.Fragmented, MostFragments: s.MostFragments,
		LargestFrame: s.LargestFrame, LargestMessage: s.LargestMessage, ZeroKeys: s.ZeroKeys, RepeatedKeys: s.RepeatedKeys,
		UnaskedPongs: s.UnaskedPongs, ForeignPongs: s.ForeignPongs, HTTP: s.HTTP, Lost: s.Lost, Cut: s.Cut, Open: s.Open, Read: s.Read,
	}
	for kind, n := range s.Frames {
		if n.Frames > 0 {
			if j.Frames == nil {
				j.Frames = map[string]countJSON{}
			}
			j.Frames[Kind(kind).String()] = countJSON(n)
		}
	}
	if p := s.Pings; p != (Pings{}) {
		j.Pings = &pingsJSON{p.Answered, p.Waiting, millis(p.Since), p.Passed, millis(p.Shortest), millis(p.Longest)}
	}
	if c := s.Close; c != nil {
		j.Close = &closingJSON{c.Size, c.Code, escape(c.Reason), millis(c.At), c.DataAfter, c.BytesAfter}
	}
	for _, f := range s.Faults {
		j.Faults = append(j.Faults, faultJSON{f.Kind.String(), f.Count, f.Frame, f.Offset, f.First, f.Masked, f.Length, f.Head})
	}
	return j
}

// UnmarshalJSON reads what MarshalJSON writes. Kinds of frames and faults of a later release are
// left out.
func (f *Facts) UnmarshalJSON(b []byte) error {
	var j factsJSON
	if err := json.Unmarshal(b, &j); err != nil {
		return fmt.Errorf("read facts of frames: %w", err)
	}
	*f = Facts{Sides: [2]Sent{j.Client.sent(), j.Server.sent()}, Idle: duration(j.Idle), IdleAt: duration(j.IdleAt)}
	if j.ClosedFirst == Server.String() {
		f.ClosedFirst = Server
	}
	return nil
}

func (j *sentJSON) sent() Sent {
	s := Sent{
		Messages: j.Messages, Compressed: j.Compressed, Unchecked: j.Unchecked, Fragmented: j.Fragmented, MostFragments: j.MostFragments,
		LargestFrame: j.LargestFrame, LargestMessage: j.LargestMessage, ZeroKeys: j.ZeroKeys, RepeatedKeys: j.RepeatedKeys,
		UnaskedPongs: j.UnaskedPongs, ForeignPongs: j.ForeignPongs, HTTP: j.HTTP, Lost: j.Lost, Cut: j.Cut, Open: j.Open, Read: j.Read,
	}
	for kind := range s.Frames {
		s.Frames[kind] = Count(j.Frames[Kind(kind).String()])
	}
	if p := j.Pings; p != nil {
		s.Pings = Pings{p.Answered, p.Waiting, duration(p.Since), p.Passed, duration(p.Shortest), duration(p.Longest)}
	}
	if c := j.Close; c != nil {
		s.Close = &Closing{c.Size, c.Code, unescape(c.Reason), duration(c.At), c.DataAfter, c.BytesAfter}
	}
	for _, f := range j.Faults[:min(len(j.Faults), FaultKinds)] {
		if f.Count < 1 || f.Frame < 1 || f.Offset < 0 || f.Offset > math.MaxInt64-maxHead || f.Head < 2 || f.Head > maxHead {
			continue
		}
		for kind := range FaultKind(FaultKinds) {
			if kind.String() == f.Kind {
				s.Faults = append(s.Faults, Fault{kind, f.Count, f.Frame, f.Offset, f.First, f.Masked, f.Length, f.Head})
			}
		}
	}
	return s
}

// WithReasons returns the facts with other reasons in their Close frames. No one may change the result,
// which is f itself if no side sent a Close frame.
func (f *Facts) WithReasons(shown func(string) string) *Facts {
	if f == nil {
		return nil
	}
	if f.Sides[Client].Close == nil && f.Sides[Server].Close == nil {
		return f
	}
	other := *f
	for from := range other.Sides {
		s := &other.Sides[from]
		s.Faults = slices.Clone(s.Faults)
		if s.Close != nil {
			c := *s.Close
			c.Reason = shown(c.Reason)
			s.Close = &c
		}
	}
	return &other
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// duration is the time of so many milliseconds. What is out of range is none.
func duration(ms float64) time.Duration {
	if !(math.Abs(ms) <= maxMillis) {
		return 0
	}
	return time.Duration(math.Round(ms*1000)) * time.Microsecond
}

// escape writes a reason in the notation of transcripts: what is not printable ASCII as \xHH.
func escape(reason string) string {
	var b strings.Builder
	for i := range len(reason) {
		switch c := reason[i]; {
		case c == '\\':
			b.WriteString(`\\`)
		case c < ' ' || c > '~':
			fmt.Fprintf(&b, `\x%02x`, c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

func unescape(text string) string {
	text = text[:min(len(text), maxEscaped)]
	if raw, err := strconv.Unquote(`"` + strings.ReplaceAll(text, `"`, `\"`) + `"`); err == nil {
		text = raw
	}
	return text[:min(len(text), maxReason)]
}
