package server

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

	"github.com/interlock-proxy/interlock/internal/config"
	"github.com/interlock-proxy/interlock/internal/web/ui"
)

// settled is how long a file must be unchanged before it is read again, because editors write in
// several steps.
const settled = 200 * time.Millisecond

// reloader applies a changed configuration to new connections. Open ones keep theirs.
type reloader struct {
	*Serving
	load  func() (config.Config, error)
	file  string    // the configuration file; empty: none
	stamp time.Time // modification time of the file when it was read

	hangup  chan os.Signal
	watcher *fsnotify.Watcher // nil: there is no file, or it cannot be watched

	mu sync.Mutex
}

// reload reads the configuration again and returns the changes. It applies them only if confirmed.
// After an error nothing has changed.
func (r *reloader) reload(ctx context.Context, confirmed bool) ([]ui.Change, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !confirmed {
		c, err := r.load()
		return changes(&r.config, &c), err
	}
	was := r.config
	changed, err := r.take(ctx)
	if err != nil {
		r.Out.Log.Error().Err(err).Msg("configuration not reloaded")
		return nil, err
	}
	r.Out.Log.Info().Strs("changed", changed).Msg("configuration reloaded")
	return changes(&was, &r.config), nil
}

func (r *reloader) take(ctx context.Context) ([]string, error) {
	c, err := r.load()
	if err != nil {
		return nil, err
	}
	changed := differ(&r.config, &c)
	if fixed := config.Unchangeable(changed); len(fixed) > 0 {
		return nil, fmt.Errorf("%s cannot change while it runs: restart to change that", strings.Join(fixed, ", "))
	}
	t, err := newRouting(&c, r.audit, r.routing.messages)
	if err != nil {
		return nil, err
	}
	if err := r.Relay.Reroute(ctx, t.first, t.Backends()[1:], t.chooser()); err != nil {
		return nil, err
	}
	r.audit.Configure(c.RuleOptions(), c.RouteOptions())
	r.hops.configure(&c)
	r.probes.Use(&c, t.Backends())
	r.metrics.Know(c.RouteNames()...)
	r.states.accept(c.Accepted, c.Expected)
	c.Warn(r.Out.Log)
	r.config = c
	r.status.use(&c)
	return changed, nil
}

// differ returns the top-level keys in which two configurations differ.
func differ(a, b *config.Config) []string {
	changed := []string{}
	va, vb := reflect.ValueOf(a).Elem(), reflect.ValueOf(b).Elem()
	for i := range va.NumField() {
		key := va.Type().Field(i).Tag.Get("yaml")
		if key == "" || key == "-" {
			continue
		}
		if !reflect.DeepEqual(va.Field(i).Interface(), vb.Field(i).Interface()) {
			changed = append(changed, key)
		}
	}
	return changed
}

// open begins to watch, so that no later change is missed. The caller must call watch.
func (r *reloader) open() {
	r.hangup = make(chan os.Signal, 1) // one pending signal covers all later ones
	signal.Notify(r.hangup, syscall.SIGHUP)
	if r.config.File == "" {
		return
	}
	w, err := fsnotify.NewWatcher()
	if err == nil {
		r.watcher, err = w, w.Add(filepath.Dir(r.config.File)) // the folder, because editors replace the file
	}
	if err != nil {
		r.Out.Log.Warn().Err(err).Msg("configuration file is not watched")
	}
}

// targetOf returns the file that a path leads to through links; the path itself if there is none.
func targetOf(path string) string {
	target, err := filepath.EvalSymlinks(path)
	if err != nil {
		return path
	}
	return target
}

// watch reloads at SIGHUP and when the configuration file has changed, until ctx ends.
func (r *reloader) watch(ctx context.Context) error {
	defer signal.Stop(r.hangup)
	file := filepath.Clean(r.file)
	target := targetOf(file)
	timer := time.NewTimer(time.Hour)
	timer.Stop()
	defer timer.Stop()
	var events chan fsnotify.Event
	var errs chan error
	if r.watcher != nil {
		defer r.watcher.Close()
		events, errs = r.watcher.Events, r.watcher.Errors
		if !config.StampOf(file).Equal(r.stamp) { // the file changed before watching began
			timer.Reset(settled)
		}
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-r.hangup:
		case e := <-events:
			is := targetOf(file) // in a volume of Kubernetes, the file is a link through another one, which is replaced
			if e.Op != fsnotify.Chmod && (filepath.Clean(e.Name) == file || is != target) {
				timer.Reset(settled)
			}
			target = is
			continue
		case err := <-errs: // events may have been lost
			r.Out.Log.Warn().Err(err).Msg("configuration file was lost sight of")
		case <-timer.C:
		}
		_, _ = r.reload(ctx, true) // reload has logged the error
	}
}
