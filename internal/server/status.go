package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/interlock-proxy/interlock/internal/config"
	"github.com/interlock-proxy/interlock/internal/printed"
	"github.com/interlock-proxy/interlock/internal/store"
	"github.com/interlock-proxy/interlock/internal/version"
	"github.com/interlock-proxy/interlock/internal/web"
	"github.com/interlock-proxy/interlock/internal/web/ui"
	"github.com/interlock-proxy/interlock/rules"
)

// statusView is the status of serve for the pages. Its methods are safe for concurrent use.
type statusView struct {
	*Serving
	ctx   context.Context // the context of serve
	began time.Time
	kept  *storage
	fixed ui.Status // everything that does not change

	config  atomic.Pointer[effective]
	tunnels atomic.Int64 // open tunnels
	reach   reach
	traffic traffic

	mu    sync.Mutex
	size  store.Size
	sized time.Time
}

// effective is the configuration as the pages show it.
type effective struct {
	settings []ui.Setting
	warnings []string
	hash     string
}

func newStatusView(ctx context.Context, s *Serving, open *listeners, kept *storage) *statusView {
	h := &statusView{Serving: s, ctx: ctx, began: time.Now(), kept: kept}
	h.fixed = ui.Status{
		Instance: s.audit.Instance, Version: version.String(), Build: buildSettings(), Began: h.began.UTC(), StoreName: kept.store.String(),
		ConfigFile: s.config.File, AcceptFile: s.config.File, Listeners: open.settings(),
		Proxy: s.scheme() + "://" + open.reverse[0].Addr().String(),
	}
	kept.writer.Beat = h.beat
	return h
}

// use replaces the configuration that is shown, and that heartbeats name.
func (v *statusView) use(c *config.Config) {
	v.config.Store(&effective{shownSettings(c), c.Warnings(), c.Hash()})
	v.kept.writer.Announce()
}

// settings are the listeners.
func (l *listeners) settings() []ui.Setting {
	var all []ui.Setting
	for _, ln := range l.reverse {
		all = append(all, ui.Setting{Key: "reverse", Value: ln.Addr().String()})
	}
	all = append(all, ui.Setting{Key: "admin", Value: l.admin.Addr().String()})
	if l.open != nil {
		all = append(all, ui.Setting{Key: "open", Value: l.open.Addr().String()})
	}
	if l.forward != nil {
		all = append(all, ui.Setting{Key: "forward", Value: l.forward.Addr().String()})
	}
	return all
}

// buildSettings describe the build of this program.
func buildSettings() []ui.Setting {
	all := []ui.Setting{{Key: "version", Value: version.String()}, {Key: "go", Value: runtime.Version()}, {Key: "platform", Value: runtime.GOOS + "/" + runtime.GOARCH}}
	if build, ok := debug.ReadBuildInfo(); ok {
		for _, s := range build.Settings {
			if s.Key == "vcs.revision" || s.Key == "vcs.time" || s.Key == "vcs.modified" {
				all = append(all, ui.Setting{Key: s.Key, Value: s.Value})
			}
		}
	}
	return all
}

// observe counts the tunnels.
func (v *statusView) observe(r *rules.Ruling) { v.tunnels.Add(int64(r.Opened())) }

// status returns the current status.
func (v *statusView) show() ui.Status {
	s, e := v.fixed, v.config.Load()
	s.Config, s.Warnings, s.ConfigHash, s.State = e.settings, e.warnings, e.hash, "auditing"
	if v.ctx.Err() != nil {
		s.State = "draining"
	}
	s.Paused, s.Connections = v.kept.writer.Paused(), int64(v.Relay.Open())
	s.Backends = v.reach.look(v.ctx, v.probes)
	s.Tunnels = v.tunnels.Load()
	w := v.kept.writer.State()
	if !w.Reachable && w.Err != nil {
		s.StoreBad = w.Err.Error()
	}
	s.Health, s.NotAudited, s.Fleet = v.health(&w), v.notAudited(), v.kept.fleet.shown()
	return s
}

func counted(name string, n int64, bad bool, note string) ui.Gauge {
	return ui.Gauge{Name: name, Value: fmt.Sprint(n), Bad: bad && n > 0, Note: note}
}

func (v *statusView) health(w *store.State) []ui.Gauge {
	live, probes, z := v.audit.Sums(), v.audit.Probes(), v.storeSize()
	return []ui.Gauge{
		counted("evidence shed", live.Shed+probes.Shed, true, "exchanges dropped because memory was full; their findings are counted"),
		counted("findings lost", w.LostFindings, true, "findings whose database file or schema was removed"),
		counted("evidence not stored", w.Shed, true, "exchanges the store had no room for or rejected; their findings are counted"),
		counted("waiting for the store", int64(w.Waiting), false, ""),
		counted("exchanges in the store", z.Exchanges, false, ""),
		{Name: "size of the store", Value: printed.Size(z.Bytes)},
		counted("unsafe switches", live.Unsafe, true, "in live traffic since Interlock started"),
		counted("clients that wanted HTTP/2", v.Relay.Counts.Downgraded.Load(), false, "and got HTTP/1.1, which has the Upgrade header"),
		counted("HTTP/2 connections read", v.Relay.Counts.HTTP2Read.Load(), false, "with their streams; those in plain text, in TLS with tls.h2: audit, and after a 101 to h2c"),
		counted("connections allowed", int64(v.Relay.Limit()), false, "at the same time"),
	}
}

// The maximum age of the store's size, and the time that measuring it may take.
const (
	sizeAge  = 30 * time.Second
	sizeTime = 2 * time.Second
)

// storeSize returns a recent size of the store.
func (v *statusView) storeSize() store.Size {
	v.mu.Lock()
	old := time.Since(v.sized) > sizeAge
	if old {
		v.sized = time.Now() // keeps other callers from measuring at the same time
	}
	v.mu.Unlock()
	if old {
		ctx, cancel := context.WithTimeout(v.ctx, sizeTime)
		defer cancel()
		if z, err := v.kept.store.Size(ctx); err == nil {
			v.mu.Lock()
			v.size = z
			v.mu.Unlock()
		}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.size
}

func (v *statusView) notAudited() []ui.Gauge {
	c := &v.Relay.Counts
	return []ui.Gauge{
		counted("opaque connections", c.Opaque.Load(), false, "that could not be parsed as HTTP, from the start or later"),
		counted("TLS connections", c.TLS.Load(), false, "to a plain-text listener"),
		counted("HTTP/2 connections", c.HTTP2.Load(), false, "that could not be read, or not to their end"),
		counted("clients that take only HTTP/2", c.HTTP2Only.Load(), false, "and were rejected, as they were offered HTTP/1.1; tls.h2: audit or pass lets them in"),
		counted("blind tunnels", c.Tunnels.Load(), false, "opened with CONNECT"),
		counted("responses that point to HTTP/3", c.HTTP3.Load(), false, "by Alt-Svc"+c.HTTP3.Where()+"; HTTP/3 does not come through Interlock"),
		counted("too many requests", c.Shed.Load(), true, "connections with more unanswered requests than Interlock tracks"),
	}
}

// lacking returns the reasons why the process is not ready.
func (v *statusView) lacking(ctx context.Context) []web.Lack {
	var all []web.Lack
	if v.ctx.Err() != nil {
		all = append(all, web.Lack{Part: "process", Reason: "it is about to end"})
	}
	if w := v.kept.writer.State(); !w.Reachable {
		reason := "nothing can be written to it; the log has the error"
		if errors.Is(w.Err, store.ErrReplaced) {
			reason = store.ErrReplaced.Error()
		}
		all = append(all, web.Lack{Part: "store", Reason: reason})
	}
	for _, b := range v.reach.look(ctx, v.probes) {
		if !b.Up {
			all = append(all, web.Lack{Part: "backend", Name: cmp.Or(b.Route, "default"), Reason: "no address of it takes connections"})
		}
	}
	return all
}
