package run

import (
	"fmt"

	"github.com/interlock-proxy/interlock/wire"
)

// AnswerOf returns the status of the response or, without one, the outcome.
func AnswerOf(x *wire.Exchange) string {
	if x.Response != nil {
		return fmt.Sprint(x.Response.Status)
	}
	return string(x.Outcome)
}

// responseTime returns how long the answer took.
func responseTime(x *wire.Exchange) string {
	ms := float64(x.Took.Microseconds()) / 1000
	switch {
	case x.Response == nil:
		return ""
	case ms < 10:
		return fmt.Sprintf("%.1f ms", ms)
	}
	return fmt.Sprintf("%.0f ms", ms)
}
