package run

import (
	"os"
	"strings"

	"github.com/interlock-proxy/interlock/internal/exit"
	"github.com/interlock-proxy/interlock/internal/probe"
	"github.com/interlock-proxy/interlock/rules"
)

// dress adds the headers of the flags to a base. A header with a flag of its own replaces lines of
// that name.
func (f *ProbeFlags) dress(h *rules.Handshake) error {
	lines, own, err := f.headers()
	if err != nil {
		return err
	}
	probe.SetFields(h, lines)
	for _, one := range own {
		probe.SetFields(h, []probe.Field{one})
	}
	return nil
}

// headers returns those of -H, and those with flags of their own.
func (f *ProbeFlags) headers() (lines, own []probe.Field, err error) {
	if lines, err = f.FieldLines(); err != nil {
		return nil, nil, err
	}
	for _, each := range []struct{ flag, name, value string }{
		{"cookie", "Cookie", f.Cookie}, {"subprotocol", "Sec-WebSocket-Protocol", f.Subprotocol}, {"origin", "Origin", f.Origin},
	} {
		if each.value == "" {
			continue
		}
		one, err := probe.ParseField(each.name + ": " + each.value)
		if err != nil {
			return nil, nil, exit.Usage("--%s: %w", each.flag, err)
		}
		own = append(own, one)
	}
	return lines, own, nil
}

// FieldLines returns the headers of -H.
func (f *ProbeFlags) FieldLines() ([]probe.Field, error) {
	var all []probe.Field
	for _, text := range f.Fields {
		if name, ok := strings.CutPrefix(text, "@"); ok {
			content, err := os.ReadFile(name)
			if err != nil {
				return nil, exit.Usage("-H @%s: %w", name, err)
			}
			lines, err := probe.ParseFields(string(content), name)
			if err != nil {
				return nil, err
			}
			all = append(all, lines...)
			continue
		}
		one, err := probe.ParseField(text)
		if err != nil {
			return nil, exit.Usage("-H: %w", err)
		}
		all = append(all, one)
	}
	return all, nil
}
