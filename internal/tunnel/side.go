package tunnel

import (
	"fmt"

	"github.com/interlock-proxy/interlock/internal/printed"
	"github.com/interlock-proxy/interlock/wire/ws"
)

// frames counts the frames of a side by opcode.
func (*View) frames(f *ws.Facts, d ws.Side) (all []Line) {
	for kind, n := range f.Sides[d].Frames {
		if n.Frames > 0 {
			all = append(all, says("%s %s, %s", printed.Thousands(n.Frames), ws.Kind(kind), printed.Size(n.Bytes)))
		}
	}
	return all
}

// messages says how large messages are, and how they are made of frames.
func (*View) messages(f *ws.Facts, d ws.Side) (all []Line) {
	s := &f.Sides[d]
	if s.Messages > 0 || s.LargestMessage > 0 {
		all = append(all, says("%s, the largest %s", printed.Count(s.Messages, "message"), size(s.LargestMessage)))
	}
	if s.LargestFrame > 0 {
		all = append(all, says("largest frame %s", size(s.LargestFrame)))
	}
	if s.Fragmented > 0 {
		all = append(all, says("%s in several frames, at most %s", printed.Thousands(s.Fragmented), printed.Thousands(s.MostFragments)))
	}
	if s.Compressed > 0 {
		all = append(all, says("%s compressed", printed.Thousands(s.Compressed)))
	}
	if s.Unchecked > 0 {
		all = append(all, says("UTF-8 of %s not checked", printed.Count(s.Unchecked, "text message")))
	}
	return all
}

// size is a length that a frame announces.
func size(n uint64) string {
	if n >= 1<<63 {
		return "2^63 bytes or more"
	}
	return printed.Size(int64(n))
}

// masking says how a client chooses its keys.
func (*View) masking(f *ws.Facts, d ws.Side) (all []Line) {
	s := &f.Sides[d]
	switch all := s.All(); {
	case all.Frames == 0 || s.Fault(ws.FaultMask) != nil:
	case d == ws.Client:
		return append([]Line{says("every frame masked")}, keys(s)...)
	default:
		return []Line{says("no frame masked")}
	}
	return keys(s)
}

// keys says which masking keys are not random.
func keys(s *ws.Sent) (all []Line) {
	if s.ZeroKeys > 0 {
		all = append(all, wrong("%s with the key 0", printed.Count(s.ZeroKeys, "frame")))
	}
	if s.RepeatedKeys > 0 {
		all = append(all, wrong("%s with the key of the frame before", printed.Count(s.RepeatedKeys, "frame")))
	}
	return all
}

// pings says how the Ping frames of a side were answered.
func (*View) pings(f *ws.Facts, d ws.Side) (all []Line) {
	s := &f.Sides[d]
	p := &s.Pings
	switch {
	case p.Answered > 0 && p.Shortest == p.Longest:
		all = append(all, says("%s answered, after %s", printed.Thousands(p.Answered), at(p.Longest)))
	case p.Answered > 0:
		all = append(all, says("%s answered, after %s to %s", printed.Thousands(p.Answered), at(p.Shortest), at(p.Longest)))
	}
	if p.Waiting > 0 {
		all = append(all, says("%s without an answer, the oldest sent at %s", printed.Thousands(p.Waiting), at(p.Since)))
	}
	if s.UnaskedPongs > 0 {
		all = append(all, says("%s without a Ping", printed.Count(s.UnaskedPongs, "Pong")))
	}
	return all
}

// close says what is in the Close frame of a side, and in which order they came.
func (t *View) close(f *ws.Facts, d ws.Side) (all []Line) {
	c, other := f.Sides[d].Close, f.Sides[1-d].Close
	switch {
	case c == nil && !t.Over && other == nil:
		return nil
	case c == nil && !t.Over:
		return []Line{says("none yet")}
	case c == nil:
		return []Line{says("no Close frame")}
	}
	order := "first"
	if f.ClosedFirst != d {
		order = "second, " + at(c.At-other.At) + " later"
	}
	all = append(all, says("%s: %s", order, code(c)))
	if c.Reason != "" {
		all = append(all, says("reason %q", printed.Escaped(c.Reason, maxReasonShown)))
	}
	if f.ClosedFirst == d {
		all = append(all, says("at %s", at(c.At)))
	}
	if c.DataAfter > 0 {
		all = append(all, wrong("%s after it, %s", printed.Count(c.DataAfter, "data frame"), printed.Size(c.BytesAfter)))
	}
	return all
}

// maxReasonShown is how many characters of a reason are shown: all that a Close frame has room for.
const maxReasonShown = 4 * 123

// faults says what a receiver must not accept, in the order in which it came.
func (*View) faults(f *ws.Facts, d ws.Side) (all []Line) {
	for i := range f.Sides[d].Faults {
		fault := &f.Sides[d].Faults[i]
		text := fmt.Sprintf("frame %s at byte %s: %s", printed.Thousands(fault.Frame), printed.Thousands(fault.Offset), problem(fault, d))
		if fault.Count > 1 {
			text += fmt.Sprintf("; %s like it", printed.Count(fault.Count-1, "more frame"))
		}
		all = append(all, Line{text, true})
	}
	return all
}

// problem says what is wrong with a frame.
func problem(f *ws.Fault, from ws.Side) string {
	switch f.Kind {
	case ws.FaultMask:
		if from == ws.Client {
			return "not masked"
		}
		return "masked"
	case ws.FaultReserved:
		return "a reserved bit is set"
	case ws.FaultOpcode:
		return fmt.Sprintf("reserved opcode %#x", f.First&0x0f)
	case ws.FaultOrder:
		if f.First&0x0f == 0 {
			return "continues no message"
		}
		return "begins a message inside another"
	case ws.FaultControl:
		return fmt.Sprintf("control frame that is fragmented or too long (%s)", size(f.Length))
	case ws.FaultLength:
		return "length not in its shortest form, or 2^63 or more"
	case ws.FaultText:
		return "text that is not UTF-8"
	case ws.FaultCloseBody:
		return "Close frame with one byte"
	case ws.FaultCloseCode:
		return "Close frame with a code that must not be sent"
	case ws.FaultCloseReason:
		return "Close frame whose reason is not UTF-8"
	case ws.FaultAfterClose:
		return "data after the Close frame"
	}
	return f.Kind.String()
}

// end says where the frames of a side end.
func (t *View) end(f *ws.Facts, d ws.Side) (all []Line) {
	s := &f.Sides[d]
	switch {
	case s.HTTP:
		all = append(all, wrong("HTTP in place of a frame, from byte %s on", printed.Thousands(s.Read)))
	case s.Lost:
		all = append(all, wrong("not read as frames from byte %s on", printed.Thousands(s.Read)))
	case !t.Over:
		return nil
	}
	if s.Cut {
		all = append(all, wrong("ends within a frame"))
	}
	if s.Open {
		all = append(all, wrong("ends within a message"))
	}
	return all
}
