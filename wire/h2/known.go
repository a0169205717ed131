package h2

import (
	"slices"
	"time"
)

// Facts returns what is known so far.
func (r *Reader) Facts() *Facts {
	ms := func(n uint32) time.Duration { return time.Duration(n) * time.Millisecond }
	f := &Facts{GoneFirst: r.gone, Idle: ms(r.idle), IdleAt: ms(r.idleAt - min(r.began, r.idleAt))}
	f.Swapped = r.sides[Server].state&prefaced != 0 && r.sides[Client].state&(prefaced|isFaulty) == 0
	for from := range r.sides {
		s := &f.Sides[from]
		*s = r.sides[from].sent(Side(from), r.began)
		if s.Fault == nil && r.miscast(Side(from)) {
			s.Fault = &Fault{Kind: FaultPreface}
		}
	}
	return f
}

func (s *side) sent(from Side, began uint32) Sent {
	lost := s.state&isLost != 0
	f := Sent{
		Data: s.data, Rest: s.rest, Largest: int64(s.largest), Preface: s.state&prefaced != 0, Opened: int64(s.opened), Last: int64(s.highest), Ended: int64(s.ended),
		Acks: Acks{int64(s.acks[0]), int64(s.acks[1])}, Settings: slices.Clone(s.settings), Lost: lost, Read: s.offset,
		Cut: !lost && (s.have > 0 || s.state&begun == 0 && s.matched > 0),
	}
	slices.SortFunc(f.Settings, func(a, b Setting) int { return int(a.ID) - int(b.ID) })
	for t, n := range s.counts {
		f.Frames[t] = int64(n)
	}
	e := s.extra
	if e == nil {
		return f
	}
	for code, n := range e.resets {
		if n > 0 {
			f.Resets = append(f.Resets, Resets{codeAt(code), int64(n)})
		}
	}
	if e.away.Count > 0 {
		away := e.away
		away.At = time.Duration(e.awayAt-min(began, e.awayAt)) * time.Millisecond
		f.GoAway = &away
	}
	if s.state&isFaulty != 0 {
		fault := e.fault
		f.Fault, f.HTTP = &fault, beginsHTTP(from, s.head[:s.have])
	}
	return f
}

// codeAt is the code that is counted at that place.
func codeAt(i int) Code {
	if i > maxCode {
		return OtherCode
	}
	return Code(i)
}
