// Package accept compares the findings of a run with accepted findings, with those of an earlier
// run, and with the endpoints that the run must cover.
package accept
