package tlsrec

import "time"

// Facts returns what is known so far.
func (r *Reader) Facts() *Facts {
	ms := func(n uint32) time.Duration { return time.Duration(n) * time.Millisecond }
	f := &Facts{Idle: ms(r.idle), IdleAt: ms(r.idleAt - min(r.began, r.idleAt))}
	for from := range r.sides {
		f.Sides[from] = r.sides[from].sent(Side(from), r.began)
	}
	return f
}

func (s *side) sent(from Side, began uint32) Sent {
	lost := s.state&isLost != 0
	f := Sent{
		Bytes: s.bytes, Largest: int64(s.largest), Hello: s.hello, Lost: lost, Read: s.offset,
		Cut: !lost && (s.have > 0 || s.state&inContent != 0),
	}
	for t, n := range s.counts {
		f.Records[t] = int64(n)
	}
	for minor := range Version(5) {
		if s.versions&(1<<minor) != 0 {
			f.Versions = append(f.Versions, 0x0300+minor)
		}
	}
	if e := s.extra; e != nil {
		if e.alert.Count > 0 {
			alert := e.alert
			alert.At = time.Duration(e.alertAt-min(began, e.alertAt)) * time.Millisecond
			f.Alert = &alert
		}
		if s.state&isFaulty != 0 {
			fault := e.fault
			f.Fault, f.HTTP = &fault, beginsHTTP(from, s.seen[:s.resemble])
		}
	}
	return f
}
