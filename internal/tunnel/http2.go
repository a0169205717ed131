package tunnel

import (
	"fmt"

	"github.com/interlock-proxy/interlock/internal/printed"
	"github.com/interlock-proxy/interlock/wire/h2"
)

// http2 says what the frames of an h2c tunnel show.
func (t *View) http2(f *h2.Facts) {
	t.Title = "HTTP/2 frames"
	for _, row := range []struct {
		name string
		of   func(*h2.Facts, h2.Side) []Line
	}{{"frames", framesByType}, {"streams", streams}, {"settings", settings}, {"pings", acknowledged}, {"GOAWAY", goAway}, {"fault", brokenBy}, {"end", endOfHTTP2}} {
		t.add(row.name, func(d int) []Line { return row.of(f, h2.Side(d)) })
	}
	t.note(f.Idle, f.IdleAt)
	if f.Swapped {
		t.Notes = append(t.Notes, "The server of HTTP/1.1 acts as the client of HTTP/2.")
	}
}

func framesByType(f *h2.Facts, d h2.Side) (all []Line) {
	s := &f.Sides[d]
	for kind, n := range s.Frames {
		if n > 0 {
			all = append(all, says("%s %s", printed.Thousands(n), h2.Type(kind)))
		}
	}
	if s.Data > 0 {
		all = append(all, says("%s of data", printed.Size(s.Data)))
	}
	if s.Largest > 0 {
		all = append(all, says("largest frame %s", printed.Size(s.Largest)))
	}
	return all
}

func streams(f *h2.Facts, d h2.Side) (all []Line) {
	s := &f.Sides[d]
	if s.Opened > 0 {
		all = append(all, says("%s opened, the last %d", printed.Thousands(s.Opened), s.Last))
	}
	for _, r := range s.Resets {
		name := "another code"
		if r.Code != h2.OtherCode {
			name = r.Code.String()
		}
		all = append(all, says("%s reset with %s", printed.Thousands(r.Count), name))
	}
	return all
}

func settings(f *h2.Facts, d h2.Side) (all []Line) {
	names := map[uint16]string{1: "header table", 2: "push", 3: "concurrent streams", 4: "initial window", 5: "frame size", 6: "header list", 8: "extended CONNECT"}
	for _, one := range f.Sides[d].Settings {
		name, known := names[one.ID]
		if !known {
			name = fmt.Sprintf("setting %d", one.ID)
		}
		all = append(all, says("%s %d", name, one.Value))
	}
	return all
}

func acknowledged(f *h2.Facts, d h2.Side) (all []Line) {
	if n := f.Unanswered(d); n > 0 {
		all = append(all, says("%s without an acknowledgement", printed.Thousands(n)))
	}
	return all
}

func goAway(f *h2.Facts, d h2.Side) []Line {
	g := f.Sides[d].GoAway
	if g == nil {
		return nil
	}
	line := says("%s, last stream %d, at %s", g.Code, g.Last, at(g.At))
	line.Bad = g.Code != 0
	return []Line{line}
}

func brokenBy(f *h2.Facts, d h2.Side) []Line {
	fault := f.Sides[d].Fault
	switch {
	case fault == nil:
		return nil
	case fault.Frame == 0:
		return []Line{wrong("%s", fault.Kind)}
	}
	return []Line{wrong("%s, in frame %s (%s, stream %d, %d bytes) at byte %s", fault.Kind, printed.Thousands(fault.Frame), fault.Head.Kind(), fault.Head.Stream, fault.Head.Length, printed.Thousands(fault.Offset))}
}

func endOfHTTP2(f *h2.Facts, d h2.Side) []Line {
	s := &f.Sides[d]
	return endOf(s.HTTP, s.Lost, s.Cut, s.Read, "frame")
}

// endOf says how the bytes of a side end.
func endOf(http, lost, cut bool, read int64, unit string) (all []Line) {
	switch {
	case http:
		all = append(all, wrong("HTTP/1 begins at byte %s", printed.Thousands(read)))
	case lost:
		all = append(all, says("not read from byte %s on", printed.Thousands(read)))
	case cut:
		all = append(all, says("within a %s", unit))
	}
	return all
}
