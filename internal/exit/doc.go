// Package exit has the exit statuses of the command, and errors that carry one. It imports nothing
// of the product, so that every package can say whether a failure is the user's mistake or leaves
// the result unknown.
package exit
