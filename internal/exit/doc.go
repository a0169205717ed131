// Package exit has the exit statuses of the command, and errors that carry one. It stands at the bottom, so that every package can say
// whether a failure is a mistake of the user or keeps Interlock from telling.
package exit
