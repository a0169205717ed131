package chain

import (
	"bytes"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/wire"
)

// fewest is how long a value of the user must be to be looked for where the hop may have copied it.
// Shorter ones are in many heads by chance.
const fewest = 6

// secrets returns the values of the user's own headers, and the parts of which they consist, the longest
// first. Host is not a secret.
func (h *Hop) secrets() (all []string) {
	add := func(value string) {
		if len(value) >= fewest && !slices.Contains(all, value) {
			all = append(all, value)
		}
	}
	for _, f := range h.Fields {
		if wire.EqualFold(f[0], "Host") {
			continue
		}
		add(strings.TrimSpace(f[1]))
		for _, part := range strings.FieldsFunc(f[1], func(r rune) bool { return strings.ContainsRune(" \t;,=\"", r) }) {
			add(part)
		}
	}
	slices.SortStableFunc(all, func(a, b string) int { return len(b) - len(a) })
	return all
}

// masked returns text with an asterisk for each byte of a secret. Every other byte keeps its offset.
func masked(text []byte, secrets []string) []byte {
	out := text
	for _, secret := range secrets {
		for at := 0; ; {
			i := bytes.Index(out[at:], []byte(secret))
			if i < 0 {
				break
			}
			if len(out) > 0 && &out[0] == &text[0] {
				out = bytes.Clone(text)
			}
			at += i
			copy(out[at:], bytes.Repeat([]byte("*"), len(secret)))
			at += len(secret)
		}
	}
	return out
}

// maskedEvents returns events without secrets, also where one was read or written in parts.
func maskedEvents(events []event, secrets []string) []event {
	if len(secrets) == 0 {
		return events
	}
	out := slices.Clone(events)
	for _, ours := range [...]bool{false, true} {
		var all []byte
		for _, e := range events {
			if e.ours == ours {
				all = append(all, e.bytes...)
			}
		}
		all = masked(all, secrets)
		for i := range out {
			if out[i].ours == ours {
				n := len(out[i].bytes)
				out[i].bytes, all = all[:n:n], all[n:]
			}
		}
	}
	return out
}

// maskedHeads returns an exchange in HTTP/2 whose heads have no secrets: on the connection they are compressed.
func maskedHeads(x *wire.Exchange, secrets []string) *wire.Exchange {
	if len(secrets) == 0 {
		return x
	}
	out := *x
	out.Request = wire.ReadRequest(masked(x.Request.Raw, secrets))
	if x.Response != nil {
		out.Response = wire.ReadResponse(masked(x.Response.Raw, secrets))
	}
	out.Interim = slices.Clone(x.Interim)
	for i, p := range out.Interim {
		out.Interim[i] = wire.ReadResponse(masked(p.Raw, secrets))
	}
	return &out
}
