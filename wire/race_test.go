//go:build race

package wire

// The race detector has sync.Pool drop things, so that what is borrowed is allocated anew.
const raced = true
