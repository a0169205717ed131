package rules

import "sync"

// passesRead are findings that passed, by their JSON: most of a report repeats those of a few
// endpoints.
var passesRead findingsRead

// maxPassesRead is how many findings are kept, and maxPassText the longest JSON of one, in bytes.
const (
	maxPassesRead = 4096
	maxPassText   = 1024
)

// findingsRead keeps findings that need nothing else than their JSON. Nothing changes a finding that
// was read from it.
type findingsRead struct {
	sync.RWMutex
	byText map[string]Finding
}

func (p *findingsRead) find(text []byte) (f Finding, known bool) {
	p.RLock()
	defer p.RUnlock()
	f, known = p.byText[string(text)]
	return f, known
}

// keep keeps a finding. The first ones stay: which ones a reader meets again is not known.
func (p *findingsRead) keep(text []byte, f *Finding) {
	if len(text) > maxPassText {
		return
	}
	p.Lock()
	defer p.Unlock()
	if p.byText == nil {
		p.byText = map[string]Finding{}
	}
	if len(p.byText) < maxPassesRead {
		p.byText[string(text)] = *f
	}
}
