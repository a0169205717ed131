package ui

import (
	"slices"
	"time"

	"github.com/interlock-proxy/interlock/internal/printed"
	"github.com/interlock-proxy/interlock/internal/store"
)

// A chart is exchanges over time, stacked by protocol. It is drawn in a square of a thousand by a hundred.
type chart struct {
	Series []series      `json:"protocols"`
	Slots  []slot        `json:"slots"`
	Most   int64         `json:"-"` // the highest slot
	All    int64         `json:"all"`
	From   time.Time     `json:"from"`
	To     time.Time     `json:"to"`
	Middle time.Time     `json:"-"`
	Step   time.Duration `json:"-"`
	Ranges []choice      `json:"-"`
}

// series is a protocol and how many exchanges there were.
type series struct {
	Protocol string `json:"protocol"`
	Class    string `json:"-"`
	Sum      int64  `json:"sum"`
}

// slot is a stretch of time.
type slot struct {
	Time   time.Time `json:"time"`
	Counts []int64   `json:"counts"` // by protocol
	Bars   []bar     `json:"-"`
}

// bar is a rectangle.
type bar struct {
	Class               string
	X, Y, Width, Height float64
	Title               string
}

// choice is one of several ways to look at something.
type choice struct {
	Name, Value string
	On          bool
}

// A span of time that a chart can be of.
type stretch struct {
	name  string
	all   time.Duration
	slots int
}

func stretches() []stretch {
	return []stretch{{"1h", time.Hour, 60}, {"24h", 24 * time.Hour, 48}, {"7d", 7 * 24 * time.Hour, 56}, {"30d", 30 * 24 * time.Hour, 60}}
}

// newChart lays out what there was of each protocol until now.
func newChart(minutes []store.Minute, of stretch, now time.Time) chart {
	step := of.all / time.Duration(of.slots)
	to := now.Truncate(step).Add(step)
	c := chart{From: to.Add(-of.all), To: to, Middle: to.Add(-of.all / 2), Step: step}
	protocols := []string{"websocket", "h2c", "tls", "masque", "other", "none"}
	counts := make([][]int64, of.slots)
	for i := range counts {
		counts[i] = make([]int64, len(protocols))
	}
	sums := make([]int64, len(protocols))
	for _, m := range minutes {
		at := int(m.Time.Sub(c.From) / step)
		if m.Time.Before(c.From) || at >= of.slots {
			continue
		}
		p := slices.Index(protocols, m.Protocol)
		if p < 0 {
			p = 4
		}
		counts[at][p] += m.Count
		sums[p] += m.Count
		c.All += m.Count
	}
	var shown []int
	for p, n := range sums {
		if n > 0 {
			shown = append(shown, p)
			c.Series = append(c.Series, series{protocols[p], "p-" + protocols[p], n})
		}
	}
	c.stack(counts, shown)
	return c
}

// stack draws the slots, of the protocols that there were.
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
				Title: printed.Count(n, "exchange") + " of " + c.Series[j].Protocol + " from " + s.Time.Local().Format("Jan 2 15:04"),
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
