//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"text/tabwriter"
	"time"
)

// results are a whole run, as written to the JSON file.
type results struct {
	Time    time.Time     `json:"time"`
	Machine machine       `json:"machine"`
	Rounds  int           `json:"rounds"`
	Works   []workFigures `json:"works"`
}

type workFigures struct {
	Work        string             `json:"work"`
	Title       string             `json:"title"`
	Unit        string             `json:"unit"`
	Connections int                `json:"connections"`
	Count       int                `json:"count"` // units per contender and round
	Contenders  []contenderFigures `json:"contenders"`
}

type contenderFigures struct {
	Contender string         `json:"contender"`
	PerUnit   float64        `json:"us_per_unit"`     // median over the rounds; for direct, what the origin used
	Ratio     *float64       `json:"ratio,omitempty"` // median over the rounds of the ratio in the round
	Rounds    []roundFigures `json:"rounds"`
}

type roundFigures struct {
	CPU     float64  `json:"cpu_s"`
	PerUnit float64  `json:"us_per_unit"`
	Ratio   *float64 `json:"ratio,omitempty"` // to the better of nginx and HAProxy in this round
	Wall    float64  `json:"wall_s"`
	PSS     int      `json:"pss_kb"` // with the connections open
}

// compare fills in the ratios and medians.
func (w *workFigures) compare() {
	for i := range w.Contenders {
		c := &w.Contenders[i]
		var perUnit, ratios []float64
		for j := range c.Rounds {
			r := &c.Rounds[j]
			perUnit = append(perUnit, r.PerUnit)
			if best := w.best(j); best > 0 && c.Contender != "direct" {
				ratio := r.PerUnit / best
				r.Ratio = &ratio
				ratios = append(ratios, ratio)
			}
		}
		c.PerUnit = median(perUnit)
		if len(ratios) > 0 {
			ratio := median(ratios)
			c.Ratio = &ratio
		}
	}
}

// best is the figure of the better of nginx and HAProxy in a round, or 0 if neither was measured.
func (w *workFigures) best(round int) float64 {
	best := 0.0
	for _, c := range w.Contenders {
		if c.Contender != "nginx" && c.Contender != "haproxy" {
			continue
		}
		if f := c.Rounds[round].PerUnit; best == 0 || f < best {
			best = f
		}
	}
	return best
}

// median is the middle of the values, or the mean of the two in the middle.
func median(values []float64) float64 {
	s := slices.Sorted(slices.Values(values))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}

// print writes a table for each work: the median, the least and the most of the rounds, and the ratio.
func (r results) print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 3, ' ', tabwriter.AlignRight)
	coarse := false
	for _, work := range r.Works {
		fmt.Fprintf(t, "%s: µs of CPU per %s, %d rounds of %d\n", work.Title, work.Unit, r.Rounds, work.Count)
		fmt.Fprint(t, "contender\tmedian\tleast\tmost\tratio\t\n")
		for _, c := range work.Contenders {
			var perUnit []float64
			for _, round := range c.Rounds {
				perUnit = append(perUnit, round.PerUnit)
				coarse = coarse || round.CPU < 0.5 && c.Contender != "direct"
			}
			name, ratio := c.Contender, "–"
			if name == "direct" {
				name = "direct (origin)"
			}
			if c.Ratio != nil {
				ratio = fmt.Sprintf("%.2f", *c.Ratio)
			}
			fmt.Fprintf(t, "%s\t%.2f\t%.2f\t%.2f\t%s\t\n", name, c.PerUnit, slices.Min(perUnit), slices.Max(perUnit), ratio)
		}
		fmt.Fprintln(t)
	}
	fmt.Fprintln(t, "ratio: to the better of nginx and HAProxy in the same round; the median of the rounds")
	if coarse {
		fmt.Fprintln(t, "some rounds used less than 0.5 s of CPU, of which /proc counts hundredths: take more -requests or -handshakes")
	}
	return t.Flush()
}

func (r results) write(path string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("write the results: %w", err)
	}
	if err := os.WriteFile(path, append(text, '\n'), 0o644); err != nil {
		return fmt.Errorf("write the results: %w", err)
	}
	return nil
}
