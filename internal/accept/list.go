package accept

import "github.com/interlock-proxy/interlock/rules"

// maxLists is how many lists of findings are remembered.
const maxLists = 1000

// rulesAt names the lists of findings that rulings have. Few lists have the same.
type rulesAt struct {
	probe, route, endpoint string
	findings               int
	first                  *rules.Rule
}

// foundOf returns what sums up each finding of a ruling, in their order: nil for those that there is
// no room for. Most rulings have the findings of one before, which makes their fingerprints known.
func (a *Findings) foundOf(r *rules.Ruling) []*Found {
	if len(r.Findings) == 0 {
		return nil
	}
	k := rulesAt{r.X.Probe, r.X.Route, r.Endpoint, len(r.Findings), r.Findings[0].Rule}
	if list := a.lists[k]; list != nil && sameRules(list, r) {
		return list
	}
	list, whole := make([]*Found, len(r.Findings)), true
	for i := range r.Findings {
		f := &r.Findings[i]
		list[i] = a.enter(r.Fingerprint(f), r.Key(f), f.Rule)
		whole = whole && list[i] != nil
	}
	if whole && len(k.probe)+len(k.route)+len(k.endpoint) <= maxText {
		if a.lists == nil || len(a.lists) >= maxLists {
			a.lists = map[rulesAt][]*Found{}
		}
		a.lists[k] = list
	}
	return list
}

// sameRules reports whether the findings of a ruling are about the rules of a list.
func sameRules(list []*Found, r *rules.Ruling) bool {
	for i, is := range list {
		if is.Rule != r.Findings[i].Rule {
			return false
		}
	}
	return true
}
