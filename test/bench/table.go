//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// results are the results of a complete run, as written to the JSON file.
type results struct {
	Time    time.Time `json:"time"`
	Machine machine   `json:"machine"`
	Rounds  int       `json:"rounds"`
	Rows    []figures `json:"rows"`
}

// figures are one table.
type figures struct {
	Row     string   `json:"row"`
	Title   string   `json:"title"`
	Unit    string   `json:"unit"`
	Against []string `json:"against,omitempty"` // columns; a ratio is to the least of them in the same round
	Aim     float64  `json:"aim,omitempty"`     // the ratio that interlock is not to exceed; 0 if there is none, or the row has headlines
	Most    float64  `json:"most,omitempty"`    // the value that interlock is not to exceed; 0 if there is none
	Columns []column `json:"columns"`

	Measured *time.Time `json:"measured,omitempty"` // when, if that was not in the run of the others
}

// A column has the results of one contender.
type column struct {
	Name   string       `json:"name"`
	Value  float64      `json:"value"`           // median over the rounds; of direct, what the origin used
	Ratio  *float64     `json:"ratio,omitempty"` // median over the rounds of the ratio in the round
	Rounds []roundValue `json:"rounds"`

	Difference *difference `json:"difference,omitempty"` // of rows whose contenders have the same requests
}

type roundValue struct {
	Value float64  `json:"value"`
	Ratio *float64 `json:"ratio,omitempty"`
	CPU   float64  `json:"cpu_s,omitempty"`
	Wall  float64  `json:"wall_s,omitempty"`
	PSS   int      `json:"pss_kb,omitempty"` // with the connections open
}

func newFigures(row, title, unit string, against []string, columns []string) figures {
	f := figures{Row: row, Title: title, Unit: unit, Against: against}
	for _, name := range columns {
		f.Columns = append(f.Columns, column{Name: name})
	}
	return f
}

// compare computes the ratios and medians.
func (f *figures) compare() {
	for i := range f.Columns {
		c := &f.Columns[i]
		var all, ratios []float64
		for j := range c.Rounds {
			r := &c.Rounds[j]
			all = append(all, r.Value)
			if best := f.best(j); best > 0 && (c.Name != "direct" || slices.Contains(f.Against, c.Name)) {
				ratio := r.Value / best
				r.Ratio = &ratio
				ratios = append(ratios, ratio)
			}
		}
		c.Value = median(all)
		if len(ratios) > 0 {
			ratio := median(ratios)
			c.Ratio = &ratio
		}
	}
}

// best returns the least value in a round among those that ratios refer to, or 0 if none of them
// was measured.
func (f *figures) best(round int) float64 {
	best := 0.0
	for _, c := range f.Columns {
		if !slices.Contains(f.Against, c.Name) {
			continue
		}
		if v := c.Rounds[round].Value; best == 0 || v < best {
			best = v
		}
	}
	return best
}

// median returns the middle value, or the mean of the two middle values.
func median(values []float64) float64 {
	s := slices.Sorted(slices.Values(values))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}

// printAll writes tables: the median, minimum and maximum of the rounds, and the ratio.
func printAll(w io.Writer, tables []figures) error {
	t := tabwriter.NewWriter(w, 0, 0, 3, ' ', tabwriter.AlignRight)
	for _, f := range tables {
		f.print(t)
	}
	return t.Flush()
}

func (f figures) print(w io.Writer) {
	fmt.Fprintf(w, "%s: %s (%s)\n", f.Row, f.Title, f.Unit)
	against := "ratio"
	if len(f.Against) > 0 {
		against = "to " + strings.Join(f.Against, " or ")
	}
	fmt.Fprintf(w, "\tmedian\tleast\tmost\t%s\taim\t\n", against)
	for _, c := range f.Columns {
		var all []float64
		for _, round := range c.Rounds {
			all = append(all, round.Value)
		}
		ratio, aim := "–", ""
		if c.Ratio != nil {
			ratio = fmt.Sprintf("%.2f", *c.Ratio)
		}
		switch {
		case f.aimOf(c.Name) > 0:
			aim = fmt.Sprintf("≤ %g ×", f.aimOf(c.Name))
		case c.Name == "interlock" && f.Most > 0:
			aim = fmt.Sprintf("≤ %g", f.Most)
		}
		fmt.Fprintf(w, "%s\t%.2f\t%.2f\t%.2f\t%s\t%s\t\n", c.Name, c.Value, slices.Min(all), slices.Max(all), ratio, aim)
	}
	for _, c := range f.Columns {
		if c.Difference != nil {
			fmt.Fprintf(w, "%s − %s: %s\n", c.Name, c.Difference.To, c.Difference)
		}
	}
	fmt.Fprintln(w)
}

// merge puts the rows of another run in the place of those with the same names. New ones come after
// the row before them.
func (r *results) merge(other results) {
	at := len(r.Rows) - 1
	for _, f := range other.Rows {
		f.Measured = &other.Time
		i := slices.IndexFunc(r.Rows, func(old figures) bool { return old.Row == f.Row })
		if i < 0 {
			at++
			r.Rows = slices.Insert(r.Rows, at, f)
			continue
		}
		at = i
		r.Rows[i] = f
	}
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
