package server

import (
	"context"
	"io"
	"os"

	"github.com/interlock-proxy/interlock/internal/config"
	"github.com/interlock-proxy/interlock/internal/exit"
	"github.com/interlock-proxy/interlock/internal/probe"
)

// IdentityFields returns the headers that identify probes: from a file, an environment variable and
// a command.
func IdentityFields(ctx context.Context, c *config.IdentityConfig, stderr io.Writer) ([]probe.Field, error) {
	var all []probe.Field
	add := func(text, from string) error {
		lines, err := probe.ParseFields(text, from)
		all = append(all, lines...)
		return err
	}
	if c.File != "" {
		text, err := os.ReadFile(c.File)
		if err != nil {
			return nil, exit.Usage("probes.identity.file: %w", err)
		}
		if err := add(string(text), c.File); err != nil {
			return nil, err
		}
	}
	if c.Env != "" {
		text, ok := os.LookupEnv(c.Env)
		if !ok {
			return nil, exit.Usage("probes.identity.env: there is no variable %s", c.Env)
		}
		if err := add(text, c.Env); err != nil {
			return nil, err
		}
	}
	if c.Command != "" {
		text, err := probe.OutputOf(ctx, c.Command, stderr)
		if err != nil {
			return nil, exit.Unknown("probes.identity.command: %w", err)
		}
		if err := add(text, "probes.identity.command"); err != nil {
			return nil, err
		}
	}
	return all, nil
}
