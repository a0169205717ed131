package main

import (
	"slices"
	"strings"
)

// environment is that of the command: what it is without us, the address of the relay, and what --env asks for.
func (t *trial) environment(ours []string) []string {
	all := slices.Concat(ours, []string{variable("url") + "=http://" + t.address, variable("ws-url") + "=ws://" + t.address})
	for _, pair := range t.flags.env {
		all = append(all, strings.ReplaceAll(pair, "{addr}", t.address)) // the last one of a name counts
	}
	return all
}
