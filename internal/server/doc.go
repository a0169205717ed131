// Package server is interlock serve: listeners, audit, store, admin API, probe runs and reloads,
// according to one configuration.
package server
