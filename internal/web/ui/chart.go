package ui

import (
	"html/template"
	"slices"
	"time"

	"github.com/interlock-proxy/interlock/internal/printed"
	"github.com/interlock-proxy/interlock/internal/store"
)

// A chart is exchanges over time, stacked by verdict or by protocol. It is drawn in a square of a thousand by a hundred.
type chart struct {
	By     string        `json:"by"` // verdict or protocol
	Series []series      `json:"series"`
	Slots  []slot        `json:"slots"`
	Most   int64         `json:"-"` // the highest slot
	All    int64         `json:"all"`
	From   time.Time     `json:"from"`
	To     time.Time     `json:"to"`
	Middle time.Time     `json:"-"`
	Step   time.Duration `json:"-"`
	Ranges []choice      `json:"-"`
	Stacks []choice      `json:"-"` // of stacking
}

// series is a verdict or protocol, and how many exchanges there were.
type series struct {
	Name   string `json:"name"`
	Symbol string `json:"-"`
	Class  string `json:"-"`
	Sum    int64  `json:"sum"`
}

// slot is a stretch of time.
type slot struct {
	Time   time.Time `json:"time"`
	Counts []int64   `json:"counts"` // by series
	Bars   []bar     `json:"-"`
}

// bar is a rectangle.
type bar struct {
	Class               string
	X, Y, Width, Height float64
	Title               string
}

// choice is an option of a menu.
type choice struct {
	Name, Value string
	On          bool
}

// Query is the value where it is the query of a link, or a part of one: it is encoded already.
func (c choice) Query() template.URL { return template.URL(c.Value) } //nolint:gosec // made of names of this package and by url.Values

// A span of time that a chart can be of.
type stretch struct {
	name  string
	all   time.Duration
	slots int
}

func stretches() []stretch {
	return []stretch{{"1h", time.Hour, 60}, {"24h", 24 * time.Hour, 48}, {"7d", 7 * 24 * time.Hour, 56}, {"30d", 30 * 24 * time.Hour, 60}}
}

// byProtocol returns the series of a chart by protocol. Protocols without a series count as other.
func byProtocol() (all []series) {
	for _, name := range []string{"websocket", "h2c", "tls", "masque", "other", "none"} {
		all = append(all, series{Name: name, Class: "p-" + name})
	}
	return all
}

// byVerdict are the series of a chart by verdict, the best at the bottom. Unsafe switches are the top.
func byVerdict() (all []series) {
	for _, m := range slices.Backward(marks()) {
		all = append(all, series{Name: m.Word(), Symbol: m.Symbol(), Class: "fill-" + m.Class()})
	}
	return append(all, series{Name: "unsafe", Symbol: "▲", Class: "fill-unsafe"})
}

// newChart draws the exchanges until now, by verdict or by protocol.
func newChart(minutes []store.Minute, by string, of stretch, now time.Time) chart {
	step := of.all / time.Duration(of.slots)
	to := now.Truncate(step).Add(step)
	c := chart{By: by, From: to.Add(-of.all), To: to, Middle: to.Add(-of.all / 2), Step: step}
	all := byVerdict()
	if by == "protocol" {
		all = byProtocol()
	}
	counts := make([][]int64, of.slots)
	for i := range counts {
		counts[i] = make([]int64, len(all))
	}
	add := func(at int, name string, n int64) {
		i := slices.IndexFunc(all, func(s series) bool { return s.Name == name })
		if i < 0 {
			i = slices.IndexFunc(all, func(s series) bool { return s.Name == "other" })
		}
		counts[at][i] += n
		all[i].Sum += n
		c.All += n
	}
	for _, m := range minutes {
		at := int(m.Time.Sub(c.From) / step)
		if m.Time.Before(c.From) || at >= of.slots {
			continue
		}
		if by == "protocol" {
			add(at, m.Protocol, m.Count)
			continue
		}
		unsafe := min(max(m.Unsafe, 0), m.Count)
		add(at, mark{m.Verdict}.Word(), m.Count-unsafe)
		add(at, "unsafe", unsafe)
	}
	var shown []int
	for i, s := range all {
		if s.Sum > 0 {
			shown = append(shown, i)
			c.Series = append(c.Series, s)
		}
	}
	c.stack(counts, shown)
	return c
}

// stack draws the slots, of the series that there were.
func (c *chart) stack(counts [][]int64, shown []int) {
	for _, slot := range counts {
		sum := int64(0)
		for _, n := range slot {
			sum += n
		}
		c.Most = max(c.Most, sum)
	}
	width := 1000 / float64(len(counts))
	for i, each := range counts {
		s := slot{Time: c.From.Add(time.Duration(i) * c.Step)}
		y := 100.0
		for j, p := range shown {
			n := each[p]
			s.Counts = append(s.Counts, n)
			if n == 0 {
				continue
			}
			height := 98 * float64(n) / float64(c.Most)
			y -= height
			s.Bars = append(s.Bars, bar{
				Class: c.Series[j].Class, X: float64(i)*width + width*.1, Y: y, Width: width * .8, Height: height,
				Title: printed.Count(n, "exchange") + ", " + c.Series[j].Name + ", from " + s.Time.Local().Format("Jan 2 15:04"),
			})
		}
		c.Slots = append(c.Slots, s)
	}
}

// Label is a time on the axis.
func (c chart) Label(t time.Time) string {
	if c.To.Sub(c.From) > 24*time.Hour {
		return t.Local().Format("Jan 2")
	}
	return t.Local().Format("15:04")
}
