//go:build race

package wire

// raced reports that the race detector is on. It makes sync.Pool drop objects at random, so more is
// allocated.
const raced = true
