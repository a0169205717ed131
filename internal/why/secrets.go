package why

import (
	"cmp"
	"net/url"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/internal/probe"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// The least lengths of texts that are blanked: shorter ones are parts of ordinary words.
const (
	shortestValue = 4
	shortestPart  = 6 // of a value
)

// secrets are texts that are not shown.
type secrets []string

// open are headers whose values are shown.
func open() []string {
	return []string{
		"Host", "Origin", "User-Agent", "Accept", "Accept-Encoding", "Accept-Language", "Connection", "Upgrade",
		"Sec-WebSocket-Key", "Sec-WebSocket-Version", "Sec-WebSocket-Extensions", "Cache-Control", "Pragma", "Referer",
		"Content-Length", "Content-Type", "Transfer-Encoding", "Expect", "Priority", "TE", "DNT", "Sec-Fetch-Dest", "Sec-Fetch-Mode", "Sec-Fetch-Site",
		"Via", "Forwarded", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host",
	}
}

// secretsOf are the values of headers that may be secret, and their parts.
func secretsOf(fields []probe.Field) (all secrets) {
	for _, f := range fields {
		if slices.ContainsFunc(open(), func(name string) bool { return wire.EqualFold(f.Name, name) }) {
			continue
		}
		if len(f.Value) >= shortestValue {
			all = append(all, f.Value)
		}
		for _, part := range strings.FieldsFunc(f.Value, func(r rune) bool { return strings.ContainsRune(" ;,=", r) }) {
			if len(part) >= shortestPart && part != f.Value {
				all = append(all, part)
			}
		}
	}
	return all.sorted()
}

// sorted are the secrets, the longest first.
func (s secrets) sorted() secrets {
	slices.SortStableFunc(s, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	return s
}

// queried are the values in the query of a target that are secret. A server may repeat them.
func queried(target string) (all secrets) {
	_, query, _ := strings.Cut(target, "?")
	for part := range strings.SplitSeq(query, "&") {
		_, value, _ := strings.Cut(part, "=")
		if len(value) < shortestValue || (rules.Redaction{}).Target("/?"+part) == "/?"+part {
			continue
		}
		all = append(all, value)
		if plain, err := url.QueryUnescape(value); err == nil && plain != value {
			all = append(all, plain)
		}
	}
	return all
}

// blank returns a text without the secrets.
func (s secrets) blank(text string) string {
	for _, secret := range s {
		text = strings.ReplaceAll(text, secret, "...")
	}
	return text
}
