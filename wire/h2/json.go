package h2

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"
)

const maxMillis = 1e12 // microseconds of it are exact

type factsJSON struct {
	Client    sentJSON `json:"client"`
	Server    sentJSON `json:"server"`
	GoneFirst string   `json:"goneFirst,omitempty"` // client or server
	Swapped   bool     `json:"swapped,omitempty"`
	Idle      float64  `json:"idle"` // times are in milliseconds
	IdleAt    float64  `json:"idleAt"`
}

type sentJSON struct {
	Preface  bool             `json:"preface,omitempty"`
	Frames   map[string]int64 `json:"frames,omitempty"`
	Data     int64            `json:"dataBytes"`
	Rest     int64            `json:"otherBytes"`
	Largest  int64            `json:"largestFrame"`
	Opened   int64            `json:"streamsOpened,omitempty"`
	Last     int64            `json:"lastStream,omitempty"`
	Ended    int64            `json:"streamsEnded,omitempty"`
	Settings map[string]int64 `json:"settings,omitempty"` // by number
	Acks     *acksJSON        `json:"acks,omitempty"`
	Resets   map[string]int64 `json:"resets,omitempty"` // by code
	GoAway   *goodbyeJSON     `json:"goaway,omitempty"`
	Fault    *faultJSON       `json:"fault,omitempty"`
	HTTP     bool             `json:"http,omitempty"`
	Lost     bool             `json:"lost,omitempty"`
	Cut      bool             `json:"cut,omitempty"`
	Read     int64            `json:"read"`
}

type acksJSON struct {
	Settings int64 `json:"settings"`
	Pings    int64 `json:"pings"`
}

type goodbyeJSON struct {
	Last  uint32  `json:"lastStream"`
	Code  uint32  `json:"code"`
	Name  string  `json:"name"`
	Count int64   `json:"count"`
	At    float64 `json:"at"`
}

type faultJSON struct {
	Kind   string `json:"kind"`
	Frame  int64  `json:"frame"`
	Offset int64  `json:"offset"`
	Length uint32 `json:"length"`
	Type   uint8  `json:"type"`
	Flags  uint8  `json:"flags"`
	Stream uint32 `json:"stream"`
	Limit  int64  `json:"limit,omitempty"`
}

// other is OtherCode as it is written.
const other = "other"

// MarshalJSON writes the facts with times in milliseconds.
func (f *Facts) MarshalJSON() ([]byte, error) {
	j := factsJSON{Client: f.Sides[Client].json(), Server: f.Sides[Server].json(), Swapped: f.Swapped, Idle: millis(f.Idle), IdleAt: millis(f.IdleAt)}
	if f.Sides[f.GoneFirst].GoAway != nil {
		j.GoneFirst = f.GoneFirst.String()
	}
	return json.Marshal(j)
}

func (s *Sent) json() sentJSON {
	j := sentJSON{
		Preface: s.Preface, Data: s.Data, Rest: s.Rest, Largest: s.Largest, Opened: s.Opened, Last: s.Last, Ended: s.Ended,
		HTTP: s.HTTP, Lost: s.Lost, Cut: s.Cut, Read: s.Read,
	}
	for t, n := range s.Frames {
		if n > 0 {
			add(&j.Frames, Type(t).String(), n)
		}
	}
	for _, one := range s.Settings {
		add(&j.Settings, strconv.Itoa(int(one.ID)), int64(one.Value))
	}
	if s.Acks != (Acks{}) {
		j.Acks = (*acksJSON)(&s.Acks)
	}
	for _, r := range s.Resets {
		add(&j.Resets, nameOf(r.Code), r.Count)
	}
	if g := s.GoAway; g != nil {
		j.GoAway = &goodbyeJSON{g.Last, uint32(g.Code), g.Code.String(), g.Count, millis(g.At)}
	}
	if f := s.Fault; f != nil {
		j.Fault = &faultJSON{f.Kind.String(), f.Frame, f.Offset, f.Head.Length, f.Head.Type, f.Head.Flags, f.Head.Stream, f.Limit}
	}
	return j
}

func add(to *map[string]int64, name string, n int64) {
	if *to == nil {
		*to = map[string]int64{}
	}
	(*to)[name] = n
}

func nameOf(c Code) string {
	if c == OtherCode {
		return other
	}
	return c.String()
}

// UnmarshalJSON reads what MarshalJSON writes. Types of frames, codes and faults of a later release
// are left out. Settings come in the order of their numbers.
func (f *Facts) UnmarshalJSON(b []byte) error {
	var j factsJSON
	if err := json.Unmarshal(b, &j); err != nil {
		return fmt.Errorf("read facts of HTTP/2 frames: %w", err)
	}
	*f = Facts{Sides: [2]Sent{j.Client.sent(), j.Server.sent()}, Swapped: j.Swapped, Idle: duration(j.Idle), IdleAt: duration(j.IdleAt)}
	if j.GoneFirst == Server.String() {
		f.GoneFirst = Server
	}
	return nil
}

func (j *sentJSON) sent() Sent {
	s := Sent{
		Preface: j.Preface, Data: j.Data, Rest: j.Rest, Largest: j.Largest, Opened: j.Opened, Last: j.Last, Ended: j.Ended,
		Settings: j.settings(), HTTP: j.HTTP, Lost: j.Lost, Cut: j.Cut, Read: j.Read,
	}
	for t := range s.Frames {
		s.Frames[t] = j.Frames[Type(t).String()]
	}
	if a := j.Acks; a != nil {
		s.Acks = Acks(*a)
	}
	for i := range maxCode + 2 {
		if n := j.Resets[nameOf(codeAt(i))]; n > 0 {
			s.Resets = append(s.Resets, Resets{codeAt(i), n})
		}
	}
	if g := j.GoAway; g != nil {
		s.GoAway = &Goodbye{g.Last, Code(g.Code), g.Count, duration(g.At)}
	}
	if f := j.Fault; f != nil && f.Frame >= 0 && f.Offset >= 0 && f.Offset <= math.MaxInt64-HeadSize {
		for kind := range FaultKind(FaultKinds) {
			if kind.String() == f.Kind {
				s.Fault = &Fault{kind, f.Frame, f.Offset, Head{f.Length, f.Type, f.Flags, f.Stream}, f.Limit}
			}
		}
	}
	return s
}

func (j *sentJSON) settings() (all []Setting) {
	for name, value := range j.Settings {
		id, err := strconv.ParseUint(name, 10, 16)
		if err == nil && value >= 0 && value <= math.MaxUint32 {
			all = append(all, Setting{uint16(id), uint32(value)})
		}
	}
	slices.SortFunc(all, func(a, b Setting) int { return int(a.ID) - int(b.ID) })
	return all[:min(len(all), MaxSettings)]
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// duration is the time of so many milliseconds. What is out of range is none.
func duration(ms float64) time.Duration {
	if !(math.Abs(ms) <= maxMillis) {
		return 0
	}
	return time.Duration(math.Round(ms*1000)) * time.Microsecond
}
