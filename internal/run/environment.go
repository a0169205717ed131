package run

import (
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/internal/config"
)

// environment is that of the command: what it is without us, the address of the relay, and what --env asks for.
func (t *Run) environment(ours []string) []string {
	all := slices.Concat(ours, []string{config.Variable("url") + "=http://" + t.address, config.Variable("ws-url") + "=ws://" + t.address})
	for _, pair := range t.Flags.Env {
		all = append(all, strings.ReplaceAll(pair, "{addr}", t.address)) // the last one of a name counts
	}
	return all
}
