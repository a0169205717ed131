package tlsrec

import (
	"encoding/json"
	"fmt"
	"math"
	"time"
)

const maxMillis = 1e12 // microseconds of it are exact

type factsJSON struct {
	Client sentJSON `json:"client"`
	Server sentJSON `json:"server"`
	Idle   float64  `json:"idle"` // times are in milliseconds
	IdleAt float64  `json:"idleAt"`
}

type sentJSON struct {
	Records  map[string]int64 `json:"records,omitempty"`
	Bytes    int64            `json:"bytes"`
	Largest  int64            `json:"largestRecord"`
	Versions []Version        `json:"versions,omitempty"`
	Hello    *helloJSON       `json:"hello,omitempty"`
	Alert    *alertJSON       `json:"alert,omitempty"`
	Fault    *faultJSON       `json:"fault,omitempty"`
	HTTP     bool             `json:"http,omitempty"`
	Lost     bool             `json:"lost,omitempty"`
	Cut      bool             `json:"cut,omitempty"`
	Read     int64            `json:"read"`
}

type helloJSON struct {
	Versions   []Version `json:"versions,omitempty"`
	Cipher     uint16    `json:"cipher,omitempty"`
	ServerName string    `json:"serverName,omitempty"`
	ALPN       []string  `json:"alpn,omitempty"`
}

type alertJSON struct {
	Sealed      bool    `json:"sealed,omitempty"`
	Fatal       bool    `json:"fatal,omitempty"`
	Description uint8   `json:"description"`
	Name        string  `json:"name,omitempty"`
	Last        bool    `json:"last,omitempty"`
	Count       int64   `json:"count"`
	At          float64 `json:"at"`
}

type faultJSON struct {
	Kind   string `json:"kind"`
	Record int64  `json:"record"`
	Offset int64  `json:"offset"`
	Type   byte   `json:"type"`
	Length int64  `json:"length"`
}

// MarshalJSON writes the facts with times in milliseconds.
func (f *Facts) MarshalJSON() ([]byte, error) {
	return json.Marshal(factsJSON{f.Sides[Client].json(), f.Sides[Server].json(), millis(f.Idle), millis(f.IdleAt)})
}

func (s *Sent) json() sentJSON {
	j := sentJSON{
		Bytes: s.Bytes, Largest: s.Largest, Versions: s.Versions, Hello: (*helloJSON)(s.Hello),
		HTTP: s.HTTP, Lost: s.Lost, Cut: s.Cut, Read: s.Read,
	}
	for t, n := range s.Records {
		if n > 0 {
			if j.Records == nil {
				j.Records = map[string]int64{}
			}
			j.Records[Type(t).String()] = n
		}
	}
	if a := s.Alert; a != nil {
		j.Alert = &alertJSON{Sealed: a.Sealed, Fatal: a.Fatal, Description: uint8(a.Description), Last: a.Last, Count: a.Count, At: millis(a.At)}
		if !a.Sealed {
			j.Alert.Name = a.Description.String()
		}
	}
	if f := s.Fault; f != nil {
		j.Fault = &faultJSON{f.Kind.String(), f.Record, f.Offset, f.Type, f.Length}
	}
	return j
}

// UnmarshalJSON reads what MarshalJSON writes. Types of records and faults of a later release are left
// out.
func (f *Facts) UnmarshalJSON(b []byte) error {
	var j factsJSON
	if err := json.Unmarshal(b, &j); err != nil {
		return fmt.Errorf("read facts of TLS records: %w", err)
	}
	*f = Facts{Sides: [2]Sent{j.Client.sent(), j.Server.sent()}, Idle: duration(j.Idle), IdleAt: duration(j.IdleAt)}
	return nil
}

func (j *sentJSON) sent() Sent {
	s := Sent{
		Bytes: j.Bytes, Largest: j.Largest, Versions: j.Versions[:min(len(j.Versions), MaxListed)],
		HTTP: j.HTTP, Lost: j.Lost, Cut: j.Cut, Read: j.Read,
	}
	for t := range s.Records {
		s.Records[t] = j.Records[Type(t).String()]
	}
	if h := j.Hello; h != nil {
		s.Hello = &Hello{h.Versions[:min(len(h.Versions), MaxListed)], h.Cipher, cut(h.ServerName), h.ALPN[:min(len(h.ALPN), MaxListed)]}
		for i := range s.Hello.ALPN {
			s.Hello.ALPN[i] = cut(s.Hello.ALPN[i])
		}
	}
	if a := j.Alert; a != nil {
		s.Alert = &Alert{a.Sealed, a.Fatal, Description(a.Description), a.Last, a.Count, duration(a.At)}
	}
	if f := j.Fault; f != nil && f.Record >= 0 && f.Offset >= 0 && f.Offset <= math.MaxInt64-headSize {
		for kind := range FaultKind(FaultKinds) {
			if kind.String() == f.Kind {
				s.Fault = &Fault{kind, f.Record, f.Offset, f.Type, f.Length}
			}
		}
	}
	return s
}

func cut(name string) string { return name[:min(len(name), 4*maxName)] }

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// duration is the time of so many milliseconds. What is out of range is none.
func duration(ms float64) time.Duration {
	if !(math.Abs(ms) <= maxMillis) {
		return 0
	}
	return time.Duration(math.Round(ms*1000)) * time.Microsecond
}
