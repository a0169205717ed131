//go:build linux

package main

import (
	"fmt"
	"slices"
	"strings"
)

// A headline is a contender whose ratio the table shows beside its aim. A row has one or more, the
// most important first.
type headline struct {
	Contender string
	Aim       float64 // the ratio that it is not to exceed; 0 if there is none
}

// headlines returns those of the row as it is defined, also of figures that were measured before. A row
// that defines none has one: interlock as shipped or, without a ratio of that, another interlock.
func (f *figures) headlines() []headline {
	for _, w := range allWorks() {
		if w.Name == f.Row && len(w.Headlines) > 0 {
			return w.Headlines
		}
	}
	name := ""
	for _, c := range f.Columns {
		if f.compares(c) && kind(c.Name) == "interlock" && isAcross(c.Name) && (name == "" || c.Name == shipped) {
			name = c.Name
		}
	}
	for _, c := range f.Columns { // the last one of those that have seen more and more
		if f.Aim > 0 && f.compares(c) && kind(c.Name) == "interlock" && !isAcross(name) {
			name = c.Name
		}
	}
	return []headline{{name, f.Aim}}
}

// compares reports whether a column has a ratio to others.
func (f *figures) compares(c column) bool {
	return c.Ratio != nil && !slices.Contains(f.Against, c.Name)
}

// ratios returns the cells of the ratios and of the aims of the headlines.
func (f *figures) ratios() (ratio, to, aim string) {
	var ratios, aims []string
	for i, h := range f.headlines() {
		j := slices.IndexFunc(f.Columns, func(c column) bool { return c.Name == h.Contender && f.compares(c) })
		label := labelOf(h.Contender, i)
		if j >= 0 {
			ratios = append(ratios, label+fmt.Sprintf("%.2f", *f.Columns[j].Ratio))
		}
		if h.Aim > 0 {
			aims = append(aims, label+fmt.Sprintf("≤ %g", h.Aim))
		}
	}
	if f.Most > 0 && len(aims) == 0 {
		aims = append(aims, fmt.Sprintf("≤ %g %s", f.Most, strings.Split(f.Unit, ",")[0]))
	}
	if ratio, to = "–", "–"; len(ratios) > 0 {
		ratio, to = strings.Join(ratios, "; "), strings.Join(f.Against, " or ")
	}
	return ratio, to, strings.Join(aims, "; ")
}

// labelOf says which contender a ratio is of, unless it is the first one and has a column.
func labelOf(contender string, i int) string {
	switch {
	case i == 0 && (contender == "" || isAcross(contender)):
		return ""
	case contender == "interlock":
		return "without a store "
	}
	return contender + " "
}

// isAcross reports whether a contender, or its form in TLS or HTTP/2, has a column of the document's
// table.
func isAcross(name string) bool {
	name = strings.TrimSuffix(strings.TrimSuffix(name, "-tls"), "-h2")
	return slices.ContainsFunc(across, func(c struct{ title, name string }) bool { return c.name == name })
}

// aimOf returns the ratio that a contender is not to exceed; 0 if there is none.
func (f *figures) aimOf(name string) float64 {
	for _, h := range f.headlines() {
		if h.Contender == name {
			return h.Aim
		}
	}
	return 0
}
