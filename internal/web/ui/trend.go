package ui

import (
	"time"

	"github.com/interlock-proxy/interlock/internal/printed"
	"github.com/interlock-proxy/interlock/internal/store"
)

// A trend is how many exchanges a diagnosis explains over time.
type trend struct {
	Counts []int64   `json:"counts"`
	From   time.Time `json:"from"`
	Step   string    `json:"step"`
	Bars   []bar     `json:"-"`
	Text   string    `json:"-"`
}

// step is the time that one slot of a chart has.
func (s stretch) step() time.Duration { return s.all / time.Duration(s.slots) }

// newTrend draws the exchanges of a diagnosis until now, in a square of a thousand by a hundred.
func newTrend(moments []store.Moment, id string, of stretch, now time.Time) trend {
	to := now.Truncate(of.step()).Add(of.step())
	t := trend{Counts: make([]int64, of.slots), From: to.Add(-of.all), Step: of.step().String()}
	most := int64(0)
	for _, m := range moments {
		if m.ID == id {
			at := min(max(int(m.Time.Sub(t.From)/of.step()), 0), of.slots-1) // what began in the slot before the first one counts there
			t.Counts[at] += m.Count
			most = max(most, t.Counts[at])
		}
	}
	width := 1000 / float64(of.slots)
	for i, n := range t.Counts {
		if n > 0 {
			height := max(98*float64(n)/float64(most), 4)
			t.Bars = append(t.Bars, bar{
				Class: "fill-why", X: float64(i)*width + width*.1, Y: 100 - height, Width: width * .8, Height: height,
				Title: printed.Count(n, "exchange") + " from " + t.From.Add(time.Duration(i)*of.step()).Local().Format("Jan 2 15:04"),
			})
		}
	}
	t.Text = "Trend over " + of.name + ": at most " + printed.Thousands(most) + " in " + printed.Lasted(of.step())
	return t
}
