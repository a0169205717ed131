// Package report renders rulings: one file for each format.
//
// All formats of a run get the same stream of rulings and the same count of it, so that their numbers cannot disagree. A
// format is entered in the register of [Formats] and needs nothing else to be one.
package report
