package terminal

import (
	"github.com/interlock-proxy/interlock/internal/printed"
	"github.com/interlock-proxy/interlock/rules"
)

// The bounds of what the console says about exchanges.
const (
	maxWhy   = 3    // diagnoses of one
	maxFixed = 1000 // fixes that it remembers to have shown
)

// why are the lines that explain an exchange: what happened and, the first time, what to change.
func (c *Console) why(all []rules.Diagnosis) (lines []string) {
	for i := range all[:min(len(all), maxWhy)] {
		d := &all[i]
		text := "  why  " + c.signs(printed.Why(d))
		if first := c.first(d); first && d.Fix != "" {
			lines = append(lines, text, "  fix  "+c.signs(printed.Fix(d)))
		} else {
			lines = append(lines, text+"   ("+printed.MoreOf(d)+")")
		}
	}
	return lines
}

// first reports whether the fix of a diagnosis was not shown before. Of fixes beyond the bound it
// does not.
func (c *Console) first(d *rules.Diagnosis) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := d.ID + "\n" + d.Fix
	if c.fixed[key] || len(c.fixed) == maxFixed {
		return false
	}
	if c.fixed == nil {
		c.fixed = map[string]bool{}
	}
	c.fixed[key] = true
	return true
}

// signs is a text as the console shows it.
func (c *Console) signs(text string) string {
	if c.ASCII {
		return printed.Signs(text)
	}
	return text
}
