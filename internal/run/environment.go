package run

import (
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/internal/config"
)

// environment returns the command's environment: our own, the address of the relay, and the values
// of --env.
func (t *Run) environment(ours []string) []string {
	all := slices.Concat(ours, []string{config.Variable("url") + "=http://" + t.address, config.Variable("ws-url") + "=ws://" + t.address})
	for _, pair := range t.Flags.Env {
		all = append(all, strings.ReplaceAll(pair, "{addr}", t.address)) // the last value of a name counts
	}
	return all
}
