// Package probe sends probes to a backend and reports what came back, down to the bytes. It judges nothing: each answer
// becomes an exchange, with what became of the sound handshakes around it, and goes the way of all exchanges.
//
// A run begins with the controls: sound handshakes, each form a little richer than the one before, until one is accepted
// (ladder.go). Every probe is an edit of that form. Each has a connection of its own (attempt.go), and its exchange is
// held back until a control that began after it has been answered (held.go): only between two accepted controls does a
// refusal say anything about what is wrong with the probe. One goroutine keeps the books and calls the caller's functions
// (schedule.go); all others do nothing but send one request, and hand over what came.
package probe
