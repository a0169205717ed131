// Package terminal is where the command writes for people: the standard output with its progress
// bars, the lines of serve on a terminal, and the queue that keeps a slow reader from holding up
// traffic.
package terminal
