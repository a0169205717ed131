package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/fsnotify/fsnotify"
)

// settled is how long a file must have been left alone before it is read again: editors write in several steps.
const settled = 200 * time.Millisecond

// reloader puts a changed configuration into effect: for new connections, while what is open keeps its own.
type reloader struct {
	*serving
	load func() (config, error)
	file string // that the configuration is in; empty: none

	mu sync.Mutex
}

// reload reads the configuration again. It returns the keys that have changed; an error says what is wrong, and then
// nothing has.
func (r *reloader) reload(ctx context.Context) ([]string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	changed, err := r.take(ctx)
	if err != nil {
		r.out.log.Error().Err(err).Msg("configuration not reloaded")
		return nil, err
	}
	r.out.log.Info().Strs("changed", changed).Msg("configuration reloaded")
	return changed, nil
}

func (r *reloader) take(ctx context.Context) ([]string, error) {
	c, err := r.load()
	if err != nil {
		return nil, err
	}
	changed := differ(&r.config, &c)
	if fixed := unchangeable(changed); len(fixed) > 0 {
		return nil, fmt.Errorf("%s cannot change while it runs: restart to change that", strings.Join(fixed, ", "))
	}
	t, err := newRouting(&c, r.ledger)
	if err != nil {
		return nil, err
	}
	if err := r.relay.Reroute(ctx, t.first, t.backends()[1:], t.chooser()); err != nil {
		return nil, err
	}
	r.ledger.Configure(c.Rules.options(), c.routeOptions())
	r.probes.use(&c, t.backends())
	c.warn(r.out.log)
	r.config = c
	return changed, nil
}

// differ names the keys at the top of a configuration in which two differ.
func differ(a, b *config) []string {
	changed := []string{}
	va, vb := reflect.ValueOf(a).Elem(), reflect.ValueOf(b).Elem()
	for i := range va.NumField() {
		if !va.Type().Field(i).IsExported() {
			continue
		}
		if !reflect.DeepEqual(va.Field(i).Interface(), vb.Field(i).Interface()) {
			changed = append(changed, va.Type().Field(i).Tag.Get("yaml"))
		}
	}
	return changed
}

// unchangeable are those among the keys that only a restart changes.
func unchangeable(keys []string) []string {
	var fixed []string
	for _, key := range keys {
		switch key {
		case "backend", "backend_tls", "host", "guard", "send_proxy", "routes", "unrouted", "rules", "probes", "accept", "expect":
		default:
			fixed = append(fixed, key)
		}
	}
	return fixed
}

// watch reloads at SIGHUP and when the configuration file has changed, until ctx ends.
func (r *reloader) watch(ctx context.Context) error {
	hangup := make(chan os.Signal, 1) // one that waits stands for all that come meanwhile
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	var events chan fsnotify.Event
	if r.file != "" {
		w, err := fsnotify.NewWatcher()
		if err == nil {
			defer w.Close()
			err = w.Add(filepath.Dir(r.file)) // the folder: editors replace the file
		}
		if err != nil {
			r.out.log.Warn().Err(err).Msg("configuration file is not watched")
		} else {
			events = w.Events
		}
	}
	timer := time.NewTimer(time.Hour)
	timer.Stop()
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-hangup:
		case e := <-events:
			if e.Op != fsnotify.Chmod && filepath.Clean(e.Name) == filepath.Clean(r.file) {
				timer.Reset(settled)
			}
			continue
		case <-timer.C:
		}
		_, _ = r.reload(ctx) // it has said what is wrong
	}
}
