// Package report renders rulings: one file for each format.
//
// All formats of a run get the same stream of rulings and the same counts, so that their numbers
// agree. A format is an entry in the register of [Formats].
package report
