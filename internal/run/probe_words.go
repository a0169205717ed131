package run

import (
	"fmt"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// Expectation is what a server is expected to answer to probes of a class.
func Expectation(k rules.Class) string {
	switch k {
	case rules.Refuse, rules.Warn101:
		return "any answer but 101"
	case rules.Refuse400:
		return "400"
	case rules.RefuseVersion, rules.Legacy:
		return "an error that names the versions spoken"
	case rules.Alive:
		return "an answer"
	case rules.Accept, rules.Interop:
		return "101"
	case rules.Body:
		return "no content read as the new protocol"
	case rules.Expect:
		return "100 before the 101"
	case rules.Differential:
		return "what the request gets without the offer"
	case rules.Negotiate:
		return "nothing agreed that was not offered"
	}
	return "a sound answer"
}

// AnswerOf is the status that came, or what came instead.
func AnswerOf(x *wire.Exchange) string {
	if x.Response != nil {
		return fmt.Sprint(x.Response.Status)
	}
	return string(x.Outcome)
}

// took is how long the answer took.
func took(x *wire.Exchange) string {
	ms := float64(x.Took.Microseconds()) / 1000
	switch {
	case x.Response == nil:
		return ""
	case ms < 10:
		return fmt.Sprintf("%.1f ms", ms)
	}
	return fmt.Sprintf("%.0f ms", ms)
}
