// Package accept tells what is new from what was there before: it knows the findings that somebody has accepted, those of an
// earlier run, and the endpoints that a run is expected to cover, and compares two runs.
package accept
