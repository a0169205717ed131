//go:build race

package rules

// raced reports that the race detector is on. With it, less is kept on the stack.
const raced = true
