package hop

import (
	"slices"
	"strings"
	"time"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// A Pair is one exchange on both sides of a hop.
type Pair struct {
	Near, Far *rules.Ruling
	By        By
}

// By is what a pair was recognized by.
type By string

// What pairs are recognized by.
const (
	ByKey    By = "key"    // the same Sec-WebSocket-Key, at the same time
	ByTarget By = "target" // the only exchanges with that path at that time
)

// Matched are exchanges of both sides of a hop.
type Matched struct {
	Pairs   []Pair          // by time
	OnlyFar []*rules.Ruling // those that the near side does not have
	// OnlyNear are those that the far side does not have: the hop answered them itself, or sent them
	// elsewhere.
	OnlyNear []*rules.Ruling
}

// Same reports whether both sides are the record of one Interlock: an exchange is paired with itself. Only IDs of live
// traffic tell, for those of files come from the bytes.
func (m *Matched) Same() bool {
	return slices.ContainsFunc(m.Pairs, func(p Pair) bool {
		return p.Near.X.Origin == wire.OriginLive && p.Near.X.ID != "" && p.Near.X.ID == p.Far.X.ID
	})
}

// Match pairs the exchanges of both sides that began within that time of each other. Each is in one
// pair at most.
func Match(near, far []*rules.Ruling, within time.Duration) (m Matched) {
	near, far = byTime(near), byTime(far)
	taken := map[*rules.Ruling]bool{}
	keys := map[string][]*rules.Ruling{}
	for _, f := range far {
		if k := key(f); k != "" {
			keys[k] = append(keys[k], f)
		}
	}
	pair := func(n, f *rules.Ruling, by By) {
		taken[n], taken[f] = true, true
		m.Pairs = append(m.Pairs, Pair{n, f, by})
	}
	for _, n := range near {
		if f := nearest(n, keys[key(n)], within, taken); f != nil {
			pair(n, f, ByKey)
		}
	}
	targets := map[string][2][]*rules.Ruling{}
	for side, all := range [2][]*rules.Ruling{near, far} {
		for _, r := range all {
			if !taken[r] {
				at := targets[path(r)]
				at[side] = append(at[side], r)
				targets[path(r)] = at
			}
		}
	}
	for _, n := range near {
		at := targets[path(n)]
		if f := only(n, at[1], within); !taken[n] && f != nil && !taken[f] && only(f, at[0], within) == n && !bothKeys(n, f) {
			pair(n, f, ByTarget)
		}
	}
	slices.SortStableFunc(m.Pairs, func(a, b Pair) int { return a.Near.X.Time.Compare(b.Near.X.Time) })
	left := func(r *rules.Ruling) bool { return taken[r] }
	m.OnlyNear, m.OnlyFar = slices.DeleteFunc(near, left), slices.DeleteFunc(far, left)
	return m
}

func byTime(all []*rules.Ruling) []*rules.Ruling {
	all = slices.Clone(all)
	slices.SortStableFunc(all, func(a, b *rules.Ruling) int { return a.X.Time.Compare(b.X.Time) })
	return all
}

// key is the Sec-WebSocket-Key of a request; empty if there is none, or more than one.
func key(r *rules.Ruling) string {
	q := r.X.Request
	k, _ := q.Value("Sec-WebSocket-Key")
	if q.Count("Sec-WebSocket-Key") != 1 {
		return ""
	}
	return k
}

// bothKeys reports whether both requests have a key: then those differ, and a pair by target is a
// guess.
func bothKeys(a, b *rules.Ruling) bool { return key(a) != "" && key(b) != "" }

// path is the target of a request without its query.
func path(r *rules.Ruling) string {
	p, _, _ := strings.Cut(r.X.Request.Target, "?")
	return p
}

// nearest returns the exchange that began closest to one, within that time.
func nearest(n *rules.Ruling, all []*rules.Ruling, within time.Duration, taken map[*rules.Ruling]bool) (found *rules.Ruling) {
	closest := within
	for _, f := range all {
		if away := f.X.Time.Sub(n.X.Time).Abs(); !taken[f] && away <= closest {
			found, closest = f, away
		}
	}
	return found
}

// only returns the one exchange that began within that time of another one; nil if there are
// several, or none.
func only(n *rules.Ruling, all []*rules.Ruling, within time.Duration) (found *rules.Ruling) {
	i, _ := slices.BinarySearchFunc(all, n.X.Time.Add(-within), func(r *rules.Ruling, t time.Time) int { return r.X.Time.Compare(t) })
	for _, f := range all[i:] {
		switch {
		case f.X.Time.Sub(n.X.Time) > within:
			return found
		case found != nil:
			return nil
		}
		found = f
	}
	return found
}

// Compared reports whether an exchange is to be compared: live and recorded ones are, probes are not.
func Compared(r *rules.Ruling) bool {
	return r.X.Origin == wire.OriginLive || r.X.Origin == wire.OriginFile
}
