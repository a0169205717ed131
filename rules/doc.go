// Package rules says what the RFCs say about an exchange.
//
// A [Rule] is a value: what must hold, who would break it, where it is written, when it is in play and how it is judged.
// Every rule stands in the file of its family and is entered in the register there. [Classify] holds one exchange against
// all of them and returns a [Ruling]. Live traffic, answers to probes, replayed exchanges and recorded files go through
// the same rules; what differs is in one place, the verdict table in verdict_table.go.
//
// The package is pure: it has no logger, clock, context, network or file, and imports the standard library and
// package wire only.
package rules
