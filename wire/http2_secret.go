package wire

import (
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/wire/h2"
)

// maxSecret is how many names are kept of headers whose values are secret.
const maxSecret = 32

// AllSecret means the names of all headers, where they are more than are kept.
const AllSecret = "*"

// secretNames returns the names of the headers, as they are written in a head, that the sender forbids to
// index (RFC 7541 §7.1.3): a hint that their values are secret. It leaves out pseudo-headers.
func secretNames(known []string, fields []h2.Field) []string {
	names := known
	for _, f := range fields {
		if !f.Sensitive || strings.HasPrefix(f.Name, ":") {
			continue
		}
		name := string(renderName(nil, f.Name))
		switch {
		case slices.Contains(names, name), slices.Contains(names, AllSecret):
		case len(names) == maxSecret || len(name) > MaxNext:
			return []string{AllSecret}
		default:
			names = append(slices.Clone(names), name)
		}
	}
	return names
}

// hint records which values of a head are secret.
func (s *stream) hint(d Direction, fields []h2.Field) {
	if s == nil || !slices.ContainsFunc(fields, func(f h2.Field) bool { return f.Sensitive }) {
		return
	}
	s.change(func(k *Stream) { k.side(d).Secret = secretNames(k.side(d).Secret, fields) })
}

// Secret returns the names of the headers of a side whose values are secret because the side says so;
// [AllSecret] stands for all of them.
func (x *Exchange) Secret(d Direction) []string {
	if x.Stream == nil {
		return nil
	}
	return x.Stream.side(d).Secret
}
