package report

import "github.com/interlock-proxy/interlock/internal/printed"

// htmlWhy is one kind of diagnosis with one cause.
type htmlWhy struct {
	ID, Text, Cause, Exchanges, Where, Explains, More string

	Fix []string
}

// why returns what explains exchanges, and how much there is beside it.
func (h *htmlWriter) why() (shown []htmlWhy, more int64) {
	all := h.whys.sorted()
	for _, w := range all[:min(len(all), maxCards)] {
		shown = append(shown, htmlWhy{
			ID: w.name(), Text: w.observed(), Cause: printed.Cause(&w.Diagnosis), Exchanges: printed.Count(w.count, "exchange"), Where: w.where(),
			Explains: w.related(), More: printed.MoreOf(&w.Diagnosis), Fix: w.fixes(),
		})
	}
	return shown, int64(len(all)-len(shown)) + h.whys.more
}
