package probe

import (
	"fmt"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/interlock-proxy/interlock/internal/exit"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// A Field is a header line that is added to a probe.
type Field struct{ Name, Value string }

// ParseField reads Name: value. Its error does not show the value, which may be a secret.
func ParseField(text string) (Field, error) {
	name, value, ok := strings.Cut(text, ":")
	value = strings.Trim(value, " \t")
	switch {
	case !ok || !wire.IsToken(name):
		return Field{}, fmt.Errorf("it is not a header line such as Authorization: Bearer abc")
	case !httpguts.ValidHeaderFieldValue(value):
		return Field{}, fmt.Errorf("the value of %s has a byte in it that no field value may have", name)
	}
	return Field{name, value}, nil
}

// ParseFields parses header lines, one per line, and skips empty lines. from names the source in
// errors.
func ParseFields(text, from string) ([]Field, error) {
	var all []Field
	for i, line := range strings.Split(text, "\n") {
		if line = strings.TrimSuffix(line, "\r"); strings.TrimSpace(line) == "" {
			continue
		}
		f, err := ParseField(line)
		if err != nil {
			return nil, exit.Usage("%s, line %d: %w", from, i+1, err)
		}
		all = append(all, f)
	}
	return all, nil
}

// SetFields adds headers to a base. The first one of a name replaces the base's; further ones
// follow it.
func SetFields(h *rules.Handshake, fields []Field) {
	for i, f := range fields {
		before := false
		for _, g := range fields[:i] {
			before = before || wire.EqualFold(f.Name, g.Name)
		}
		switch {
		case before:
			h.Lines = append(h.Lines, rules.Line{Name: f.Name, Gap: ": ", Value: f.Value, End: "\r\n"})
			continue
		case wire.EqualFold(f.Name, "Host"):
			h.Host = f.Value
		}
		rules.Set(f.Name, f.Value)(h)
	}
}
