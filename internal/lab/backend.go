package lab

import (
	"fmt"
	"net/http"
	"slices"
)

// A Backend is a small server with a name, sound or with a fault.
type Backend struct {
	Name    string   // of the library for a sound backend, of the fault for an unsound one
	About   string   // one clause: what it does with a handshake
	Sound   bool     // no request that must not be switched gets a 101, and none ends the service
	Hostile bool     // no offer gets an answer of HTTP that ends
	Paths   []string // where it answers a handshake; the first is the one to probe
	Caught  []string // IDs of the probes that fail at the first path, in their order; they show what is wrong with it
	Warned  []string // IDs of those that are warned of

	site   http.Handler             // what a backend on net/http serves; nil for one on raw connections
	routes map[string]answer        // what a backend on raw connections answers at each of its Paths
	repair func(head string) string // what such a backend makes of a head before it reads it strictly; nil: nothing
	talk   func(*peer)              // what a hostile backend does with each connection, in place of routes
}

// Backends are all backends: the sound ones, those that answer no handshake or not every one, the unsound ones, the
// hostile ones, then the two that put many under one address.
// The slice is the caller's own.
func Backends() []Backend {
	backends := slices.Concat(soundBackends(), gatedBackends(), plainBackends())
	for _, f := range faults() {
		backends = append(backends, f.backend())
	}
	backends = slices.Concat(backends, uncheckedBackends(), []Backend{dyingBackend()}, hostileBackends(),
		[]Backend{soundComposite(), unsoundComposite()})
	for i := range backends {
		backends[i].Caught, backends[i].Warned = caught(backends[i].Name)
	}
	return backends
}

// Find is the backend with that name.
func Find(name string) (Backend, error) {
	for _, b := range Backends() {
		if b.Name == name {
			return b, nil
		}
	}
	return Backend{}, fmt.Errorf("find backend %q: no backend has that name", name)
}
