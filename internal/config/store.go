package config

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/interlock-proxy/interlock/internal/exit"
	"github.com/interlock-proxy/interlock/internal/store"
	"github.com/interlock-proxy/interlock/internal/version"
)

// retentionConfig says how long exchanges are kept in the store. Zero fields mean the store's own.
type retentionConfig struct {
	Age   duration `yaml:"age"`
	Count int64    `yaml:"count"`
	Bytes size     `yaml:"bytes"`
}

// How much of an exchange is kept.
const (
	KeepRedacted = "redacted" // everything but secrets and payload
	KeepFull     = "full"
	KeepNone     = "none" // findings only
)

// CheckStore reports the faults of the keys about the store.
func (c *Config) CheckStore(fault func(key, format string, v ...any)) {
	if scheme, _, ok := strings.Cut(c.Store, "://"); ok && scheme != "postgres" && scheme != "postgresql" {
		fault("store", "unknown scheme %q: use the path of a file, postgres://user@host/database, or memory", scheme)
	}
	if c.Evidence.Keep != KeepRedacted && c.Evidence.Keep != KeepFull && c.Evidence.Keep != KeepNone {
		fault("evidence.keep", "must be redacted, full or none, not %q", c.Evidence.Keep)
	}
	for key, n := range map[string]int64{"age": int64(c.Retention.Age.Duration), "bytes": int64(c.Retention.Bytes), "count": c.Retention.Count} {
		if n < 0 {
			fault("retention."+key, "must not be less than 0")
		}
	}
}

// Limits are the retention limits as the store takes them.
func (c *retentionConfig) Limits() store.Limits {
	return store.Limits{Age: c.Age.Duration, Count: c.Count, Bytes: int64(c.Bytes)}
}

// storeName returns the store of the configuration, by default a file in the state directory.
func (c *Config) storeName() (string, error) {
	if c.Store != "" {
		return c.Store, nil
	}
	dir, err := stateDir()
	if err != nil {
		return "", exit.Usage("--store: %w; name a file, or memory", err)
	}
	return filepath.Join(dir, "interlock.db"), nil
}

// stateDir returns the folder of state between runs, and creates it.
func stateDir() (string, error) {
	dir, err := stateName()
	if err != nil {
		return "", err
	}
	return dir, os.MkdirAll(dir, 0o700)
}

// stateName is the name of that folder.
func stateName() (string, error) {
	dir := os.Getenv("XDG_STATE_HOME")
	if dir == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", err
		}
		dir = filepath.Join(home, ".local", "state")
	}
	return filepath.Join(dir, "interlock"), nil
}

// OpenStore opens the store of a configuration. A wrong store is an error of the configuration; one that is
// unreachable, or on a full disk, is not.
func OpenStore(ctx context.Context, c *Config, o store.Options) (*store.Store, error) {
	name, err := c.storeName()
	if err != nil {
		return nil, err
	}
	o.Version, o.Instance = version.String(), c.Instance
	s, err := store.Open(ctx, name, o)
	if errors.Is(err, store.ErrUnreachable) || errors.Is(err, store.ErrFull) {
		return nil, exit.Unknown("%w", err)
	}
	if err != nil {
		return nil, exit.Usage("%w", err)
	}
	return s, nil
}
