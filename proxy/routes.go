package proxy

import "slices"

// A routeTable says where connections go that come from here on.
type routeTable struct {
	backend *Backend
	others  []*Backend
	choose  func(*Arrival) (*Backend, string) // nil: all go to backend
	eager   bool                              // one of the backends is
	clear   bool                              // none of the backends speaks TLS
}

func newRouteTable(backend *Backend, others []*Backend, choose func(*Arrival) (*Backend, string)) *routeTable {
	t := &routeTable{backend: backend, others: others, choose: choose}
	t.eager = slices.ContainsFunc(t.all(), func(b *Backend) bool { return b.Eager })
	t.clear = !slices.ContainsFunc(t.all(), func(b *Backend) bool { return b.TLS != nil })
	return t
}

// all are the backends that connections may go to.
func (t *routeTable) all() []*Backend { return append([]*Backend{t.backend}, t.others...) }
