package main

import (
	"context"
	"net"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/internal/exit"
	"github.com/interlock-proxy/interlock/internal/run"
	"github.com/interlock-proxy/interlock/internal/store"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// A selection is a condition that the store cannot evaluate: it is checked for each ruling that is
// read. The zero value selects everything.
type selection struct {
	host, backend string
	labels        []string

	runs []string // IDs of the runs with these labels
}

// prepare finds the runs with the labels.
func (c *selection) prepare(ctx context.Context, s *store.Store) error {
	if _, rest, ok := strings.Cut(c.backend, "://"); ok {
		c.backend = strings.TrimRight(rest, "/")
	}
	if len(c.labels) == 0 {
		return nil
	}
	if err := run.CheckPairs("label", "K=V", c.labels); err != nil {
		return err
	}
	all, err := s.Runs(ctx)
	if err != nil {
		return exit.Unknown("%w", err)
	}
	for i := range all {
		if hasLabels(&all[i], c.labels) {
			c.runs = append(c.runs, all[i].ID)
		}
	}
	if len(c.runs) == 0 {
		return exit.Usage("--label: no run has %s; interlock store runs lists runs and labels", strings.Join(c.labels, " and "))
	}
	return nil
}

// hasLabels reports whether a run has all these labels.
func hasLabels(r *store.Run, labels []string) bool {
	return !slices.ContainsFunc(labels, func(label string) bool {
		key, value, _ := strings.Cut(label, "=")
		is, ok := r.Labels[key]
		return !ok || is != value
	})
}

// takes reports whether an exchange is selected.
func (c *selection) takes(r *rules.Ruling) bool {
	if c == nil {
		return true
	}
	host, _ := r.X.Request.Host()
	return (c.host == "" || isHost(host, c.host)) && (c.backend == "" || isHost(r.X.Backend, c.backend)) &&
		(len(c.labels) == 0 || slices.Contains(c.runs, r.Run))
}

// isHost reports whether a host matches the wanted one. If that has no port, any port matches.
func isHost(is, want string) bool {
	if wire.EqualFold(is, want) {
		return true
	}
	host, _, err := net.SplitHostPort(is)
	return err == nil && wire.EqualFold(host, strings.Trim(want, "[]"))
}
