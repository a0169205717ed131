package lab

import (
	"fmt"
	"net/http"
)

// A Backend is a small server with a name, sound or with a fault.
type Backend struct {
	Name  string   // of the library for a sound backend, of the fault for an unsound one
	About string   // one clause: what it does with a handshake
	Sound bool     // no request that must not be switched gets a 101
	Paths []string // where it answers a handshake; the first is the one to probe

	site   http.Handler      // what a backend on net/http serves; nil for one on raw connections
	routes map[string]answer // what a backend on raw connections answers at each of its Paths
}

// Backends are all backends: the sound ones, the unsound ones, then the two that put many under one address.
// The slice is the caller's own.
func Backends() []Backend {
	backends := soundBackends()
	for _, f := range faults() {
		backends = append(backends, f.backend())
	}
	return append(backends, soundComposite(), unsoundComposite())
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
