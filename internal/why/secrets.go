package why

import (
	"cmp"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/internal/probe"
	"github.com/interlock-proxy/interlock/wire"
)

// shortest is how many characters a part of a secret has at least that is not shown either.
const shortest = 6

// secrets are texts that are not shown.
type secrets []string

// open are headers whose values are shown.
func open() []string {
	return []string{
		"Host", "Origin", "User-Agent", "Accept", "Accept-Encoding", "Accept-Language", "Connection", "Upgrade",
		"Sec-WebSocket-Key", "Sec-WebSocket-Version", "Sec-WebSocket-Extensions", "Cache-Control", "Pragma", "Referer",
	}
}

// secretsOf are the values of headers that may be secret, and their parts.
func secretsOf(fields []probe.Field) (all secrets) {
	for _, f := range fields {
		if slices.ContainsFunc(open(), func(name string) bool { return wire.EqualFold(f.Name, name) }) {
			continue
		}
		if f.Value != "" {
			all = append(all, f.Value)
		}
		for _, part := range strings.FieldsFunc(f.Value, func(r rune) bool { return strings.ContainsRune(" ;,=", r) }) {
			if len(part) >= shortest && part != f.Value {
				all = append(all, part)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	return all
}

// blank returns a text without the secrets.
func (s secrets) blank(text string) string {
	for _, secret := range s {
		text = strings.ReplaceAll(text, secret, "...")
	}
	return text
}
