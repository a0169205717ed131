// Package server is interlock serve: listeners, audit, store, admin API, probe runs and reloads, as
// one configuration asks for them.
package server
