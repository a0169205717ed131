package rules

import (
	"slices"

	"github.com/interlock-proxy/interlock/wire/ws"
)

// A frameScan is what one side sent after the 101, with what a case adds to the facts of its frames.
type frameScan struct {
	*ws.Sent
	count  int64      // frames that were read
	faults []ws.Fault // those of frames, and not of HTTP in the place of one
	http   bool       // there is HTTP in the place of a frame
	done   bool       // see scanFrames
}

// framesOf returns the facts of the frames after the 101, or those of the recorded bytes if the
// tunnel was not read to its end. The payload of these may be redacted.
func framesOf(c *Case) *ws.Facts {
	if c.frames == nil {
		c.frames = c.X.After.Frames
	}
	if c.frames == nil {
		c.frames = new(ws.Facts)
		if a := &c.X.After; len(a.Client) > 0 || len(a.Server) > 0 {
			if f := c.X.ReadFrames(); f != nil {
				c.frames = f.WithoutPayload()
			}
		}
	}
	return c.frames
}

// scanFrames returns what one side sent, read once for each case.
func scanFrames(c *Case, from Part) *frameScan {
	side := sideOf(from)
	s := &c.scans[side]
	if s.done {
		return s
	}
	b := sentAfter(c, from)
	*s = frameScan{Sent: &framesOf(c).Sides[side], http: mayBeHTTP(b, from), done: true}
	s.count = s.All().Frames
	for _, f := range s.Faults {
		if f.Offset < int64(len(b)) && mayBeHTTP(b[f.Offset:], from) || s.HTTP && f.Offset == s.Read {
			s.http = true
			continue
		}
		s.faults = append(s.faults, f)
	}
	if s.http && s.Lost {
		s.count--
	}
	return s
}

// fault returns the first fault of one of these kinds; nil if there is none.
func (s *frameScan) fault(kinds ...ws.FaultKind) *ws.Fault {
	for i := range s.faults {
		if slices.Contains(kinds, s.faults[i].Kind) {
			return &s.faults[i]
		}
	}
	return nil
}

// sideOf returns the side that sends what a part has.
func sideOf(from Part) ws.Side {
	if from == FromServer {
		return ws.Server
	}
	return ws.Client
}

// faultyFrame returns the frame of a fault of the client, if its head was recorded.
func faultyFrame(c *Case, f *ws.Fault) (frame, bool) {
	b := c.X.After.Client
	if f.Offset >= int64(len(b)) {
		return frame{}, false
	}
	found, ok := readFrame(b[f.Offset:])
	found.from = int(f.Offset)
	return found, ok
}

// frameSpan returns the span of the head of a faulty frame; none if it was not recorded.
func frameSpan(c *Case, from Part, f *ws.Fault) []Span {
	if end := f.Offset + int64(f.Head); end <= int64(len(sentAfter(c, from))) {
		return []Span{{from, int(f.Offset), int(end)}}
	}
	return nil
}
