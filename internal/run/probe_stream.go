package run

import (
	"fmt"
	"strings"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// StreamFacts says how a request in HTTP/2 is sent beyond its headers, a fact a line; s may be nil.
func StreamFacts(s *rules.Streamed) (facts []string) {
	if s == nil {
		return nil
	}
	add := func(format string, v ...any) { facts = append(facts, fmt.Sprintf(format, v...)) }
	if s.Hurry {
		add("before the server's SETTINGS have come")
	}
	for i, frame := range s.Settings {
		for _, each := range frame {
			add("after SETTINGS of the client with %d=%d, in frame %d", each.ID, each.Value, i+1)
		}
	}
	if s.Marked {
		add("after a GET for / with another value of %s", rules.MarkField)
	}
	if s.Other != nil {
		add("after another tunnel was opened on the connection")
	}
	if s.End {
		add("HEADERS has END_STREAM")
	}
	if s.Cut > 0 {
		add("in HEADERS and CONTINUATION, cut after %d bytes", s.Cut)
	}
	for _, part := range s.Early {
		add("at once, in %s: %s", strings.ToUpper(part.Kind.String()), wire.Escape([]byte(part.Data)))
	}
	for _, part := range s.Inside {
		text := fmt.Sprintf("in the tunnel, %s", strings.ToUpper(part.Kind.String()))
		if part.Data != "" {
			text += ": " + wire.Escape([]byte(part.Data))
		}
		if part.End {
			text += ", with END_STREAM"
		}
		add("%s", text)
	}
	add("then a GET for / on the same connection")
	return facts
}
