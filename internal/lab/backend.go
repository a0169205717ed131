package lab

import (
	"fmt"
	"net/http"
	"slices"
)

// A Backend is a small server with a name, correct or with a fault.
type Backend struct {
	Name    string   // the library of a correct backend, the fault of a faulty one
	About   string   // one clause: how it treats a handshake
	Sound   bool     // it accepts no invalid upgrade, and no request crashes it
	Hostile bool     // it never completes an HTTP response to an offer
	Paths   []string // where it answers a handshake; the first is the one to probe
	Caught  []string // IDs of the probes that fail at the first path, in order
	Warned  []string // IDs of the probes that get a warning

	site   http.Handler             // the handler of a backend on net/http; nil for one on raw connections
	routes map[string]answer        // the answers of a backend on raw connections, by path
	other  answer                   // the answer at all other paths; nil: a page or a 404
	repair func(head string) string // changes a head before it is read strictly; may be nil
	talk   func(*peer)              // the complete behaviour of a hostile backend, instead of routes
}

// Backends returns all backends: the correct ones, those that reject some valid handshakes, the
// faulty ones, the hostile ones, then the two that serve many at one address. The caller owns the
// slice.
func Backends() []Backend {
	backends := slices.Concat(soundBackends(), gatedBackends(), identityBackends(), plainBackends())
	for _, f := range faults() {
		backends = append(backends, f.backend())
	}
	backends = slices.Concat(backends, uncheckedBackends(), fetchingBackends(), []Backend{h2cBehindLogin()}, crashBackends(), hostileBackends(),
		[]Backend{soundComposite(), unsoundComposite()})
	for i := range backends {
		backends[i].Caught, backends[i].Warned = caught(backends[i].Name)
	}
	return backends
}

// Find returns the backend with that name, one of [Backends] or of [H2Backends].
func Find(name string) (Backend, error) {
	for _, b := range slices.Concat(Backends(), H2Backends()) {
		if b.Name == name {
			return b, nil
		}
	}
	return Backend{}, fmt.Errorf("find backend %q: no backend has that name", name)
}
