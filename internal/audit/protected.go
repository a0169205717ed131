package audit

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// The bounds of what is remembered of protected paths. The least recently seen one is dropped.
const (
	maxProtected     = 256
	maxProtectedPath = 1 << 10 // bytes
)

type protectedKey struct{ route, host, template string }

// A protected is a path of live traffic that was answered with 401 or 403 without an offer.
type protected struct {
	path  string // the last one of the template, without its query
	count int64
	seen  time.Time
}

// Denied remembers the path of a request that was answered with 401 or 403: probes compare the
// answer with that to an offer. Those of probes are not remembered, nor other methods than GET.
func (a *Audit) Denied(route string, q *wire.Request) {
	path, _, _ := strings.Cut(q.Target, "?")
	if q.Method != "GET" || !strings.HasPrefix(path, "/") || len(path) > maxProtectedPath || markedProbe(q) != "" {
		return
	}
	k := protectedKey{route, value(&q.Head, "Host"), rules.Template(path)}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.start()
	p := a.protected[k]
	if p == nil {
		if len(a.protected) >= maxProtected {
			a.dropProtected()
		}
		p = &protected{}
		a.protected[k] = p
	}
	p.path, p.seen = path, time.Now()
	p.count++
}

// dropProtected forgets the path that was seen the longest ago. The lock is held.
func (a *Audit) dropProtected() {
	var oldest protectedKey
	for k, p := range a.protected {
		if was := a.protected[oldest]; was == nil || p.seen.Before(was.seen) {
			oldest = k
		}
	}
	delete(a.protected, oldest)
}

// Protected returns the paths of a route and a Host that were answered with 401 or 403, at most that
// many: those that were seen most often.
func (a *Audit) Protected(route, host string, most int) (paths []string) {
	a.mu.Lock()
	var all []*protected
	for k, p := range a.protected {
		if k.route == route && k.host == host {
			copied := *p
			all = append(all, &copied)
		}
	}
	a.mu.Unlock()
	slices.SortFunc(all, func(p, q *protected) int {
		return cmp.Or(cmp.Compare(q.count, p.count), strings.Compare(p.path, q.path))
	})
	for _, p := range all[:min(len(all), most)] {
		paths = append(paths, p.path)
	}
	return paths
}
