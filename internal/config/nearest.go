package config

import "slices"

// nearest returns up to two of the names that are similar to a misspelt one, the nearest first.
func nearest(name string, names []string) []string {
	best, found := max(2, len(name)/4), []string(nil)
	if len(name) < 4 {
		best = 1
	}
	for _, each := range names {
		switch d := distance(name, each); {
		case d < best:
			best, found = d, []string{each}
		case d == best && !slices.Contains(found, each):
			found = append(found, each)
		}
	}
	return found[:min(2, len(found))]
}

// Nearest is nearest for flags and variables.
func Nearest(name string, names []string) []string { return nearest(name, names) }

// distance returns how many letters must be inserted, deleted, changed or swapped with the next one
// to turn a into b.
func distance(a, b string) int {
	rows := [3][]int{make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)}
	for j := range rows[0] {
		rows[1][j] = j
	}
	for i := range len(a) {
		before, last, row := rows[0], rows[1], rows[2]
		row[0] = i + 1
		for j := range len(b) {
			change := last[j]
			if a[i] != b[j] {
				change++
			}
			row[j+1] = min(change, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		rows[0], rows[1], rows[2] = last, row, before
	}
	return rows[1][len(b)]
}
