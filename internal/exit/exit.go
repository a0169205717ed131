package exit

import "fmt"

// The exit statuses.
const (
	StatusClean   = 0
	StatusFound   = 1 // a rule failed
	StatusUsage   = 2 // usage or configuration
	StatusUnknown = 3 // the result is unknown
)

// Error is an error with the exit status that it leads to.
type Error struct {
	Status int
	Err    error
}

func (e Error) Error() string { return e.Err.Error() }

func (e Error) Unwrap() error { return e.Err }

// Usage returns an error of the user.
func Usage(format string, v ...any) error { return Error{StatusUsage, fmt.Errorf(format, v...)} }

// Unknown is an error that keeps us from telling.
func Unknown(format string, v ...any) error { return Error{StatusUnknown, fmt.Errorf(format, v...)} }
