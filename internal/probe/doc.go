// Package probe sends probes to a backend and reports the exchanges, down to the bytes. It does not
// judge them.
//
// A run begins with the controls: valid handshakes, each form a little richer than the one before,
// until one is accepted (forms.go). Every probe is an edit of that form. Each has a connection of
// its own (attempt.go), and its exchange is held until a later control has been answered (held.go):
// a refusal says something about the defect of the probe only between two accepted controls. One
// goroutine keeps the state and calls the functions of the caller (schedule.go); all others send one
// request each and return its result.
package probe
