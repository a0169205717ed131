// Package tunnel says in words what the frames of a tunnel show, for pages and reports.
package tunnel

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/interlock-proxy/interlock/internal/diagnose"
	"github.com/interlock-proxy/interlock/internal/printed"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
	"github.com/interlock-proxy/interlock/wire/ws"
)

// A View is what the frames of a tunnel show, for people.
type View struct {
	Title string // what they are
	Began string // the status with which it began: 101, or 200 in HTTP/2
	Rows  []Row
	Notes []string // about both sides
	Marks []Mark   // on the axis of time, which is a thousand long; nil if the duration is not known
	Open  bool     // now
	Over  bool
	Lasts time.Duration // up to now, or to its end; 0 if that is not known

	Messages []Message // the last ones; nil where they are not kept
	Dropped  string    // about those before them
}

// A Row is one fact about both sides.
type Row struct {
	Name  string
	Sides [2][]Line // by [ws.Side]
}

// A Line is a fact about a side. Values from the wire are escaped in it.
type Line struct {
	Text string
	Bad  bool // the receiver must not accept it, or it ended in disorder
}

// A Mark is something that happened at a known time.
type Mark struct {
	Class       string // idle, close, ping
	From, Width int64  // in thousandths of the duration
	Side        string // client or server; empty: both
	Text        string
}

// Of returns what the frames of a ruling's exchange show, redacted as everywhere; nil if its frames
// were not read. The messages are those that may be shown.
func Of(r *rules.Ruling, messages *ws.Messages) *View {
	a := &r.X.After
	t := &View{Over: a.Ended || r.X.Final, Lasts: lasted(a), Began: "101"}
	if p := r.X.Response; p != nil {
		t.Began = strconv.Itoa(p.Status)
	}
	t.Open = !t.Over && t.Lasts > 0
	total := [2]int64{a.ClientBytes, a.ServerBytes}
	t.add("bytes", func(d int) []Line { return []Line{{Text: printed.Size(total[d])}} })
	switch {
	case a.Frames != nil:
		t.webSocket(a.Frames.WithReasons(rules.PublicReason), messages)
	case a.HTTP2 != nil:
		t.http2(a.HTTP2)
	case a.TLS != nil:
		t.tls(a.TLS)
	default:
		return nil
	}
	return t
}

func (t *View) webSocket(f *ws.Facts, messages *ws.Messages) {
	t.Title = "WebSocket frames"
	for _, row := range []struct {
		name string
		of   func(*View, *ws.Facts, ws.Side) []Line
	}{
		{"frames", (*View).frames}, {"messages", (*View).messages}, {"masking", (*View).masking}, {"pings", (*View).pings},
		{"close", (*View).close}, {"faults", (*View).faults}, {"end", (*View).end},
	} {
		t.add(row.name, func(d int) []Line { return row.of(t, f, ws.Side(d)) })
	}
	t.note(f.Idle, f.IdleAt)
	t.mark(f)
	t.list(messages)
}

// lasted returns how long a tunnel has been open, as far as that is known.
func lasted(a *wire.After) time.Duration {
	if a.End != nil {
		return a.End.Open
	}
	return a.Open
}

// Bad reports whether a side has a line that is.
func (t *View) Bad() bool {
	return slices.ContainsFunc(t.Rows, func(r Row) bool {
		return slices.ContainsFunc(slices.Concat(r.Sides[0], r.Sides[1]), func(l Line) bool { return l.Bad })
	})
}

// add adds a row, unless both sides are empty.
func (t *View) add(name string, of func(side int) []Line) {
	row := Row{Name: name, Sides: [2][]Line{of(0), of(1)}}
	if len(row.Sides[0])+len(row.Sides[1]) > 0 {
		t.Rows = append(t.Rows, row)
	}
}

// says makes a line.
func says(format string, v ...any) Line { return Line{Text: fmt.Sprintf(format, v...)} }

// wrong makes a line about a fault.
func wrong(format string, v ...any) Line { return Line{fmt.Sprintf(format, v...), true} }

// note says what concerns both sides.
func (t *View) note(idle, from time.Duration) {
	if idle >= time.Second {
		t.Notes = append(t.Notes, fmt.Sprintf("The longest time without a byte was %s, from %s after the %s.", printed.Took(idle), at(from), t.Began))
	}
}

// at is a time after the tunnel began.
func at(d time.Duration) string {
	if d <= 0 {
		return "0 ms"
	}
	return printed.Took(d)
}

// mark places what happened at a known time.
func (t *View) mark(f *ws.Facts) {
	if t.Lasts <= 0 {
		return
	}
	place := func(d time.Duration) int64 { return int64(min(max(d, 0), t.Lasts)) * 1000 / int64(t.Lasts) }
	if f.Idle >= time.Second {
		from := place(f.IdleAt)
		t.Marks = append(t.Marks, Mark{"idle", from, max(place(f.IdleAt+f.Idle)-from, 2), "", "no byte for " + printed.Took(f.Idle)})
	}
	for d := range f.Sides {
		s, name := &f.Sides[d], ws.Side(d).String()
		if s.Pings.Waiting > 0 {
			t.Marks = append(t.Marks, Mark{"ping", place(s.Pings.Since), 4, name, "Ping without an answer, at " + at(s.Pings.Since)})
		}
		if c := s.Close; c != nil {
			t.Marks = append(t.Marks, Mark{"close", min(place(c.At), 994), 6, name, "Close frame " + code(c) + ", at " + at(c.At)})
		}
	}
}

// code is the code of a Close frame, and what it is called.
func code(c *ws.Closing) string {
	text := "without a code"
	if c.Code != ws.NoCode || c.Size >= 2 {
		text = fmt.Sprint(c.Code)
		if name := diagnose.CodeName(c.Code); name != "" {
			text += " (" + name + ")"
		}
	}
	return text
}
