package server

import (
	"context"
	"errors"
	"net/http"

	"github.com/interlock-proxy/interlock/internal/accept"
	"github.com/interlock-proxy/interlock/internal/config"
	"github.com/interlock-proxy/interlock/internal/exit"
	"github.com/interlock-proxy/interlock/internal/report"
	"github.com/interlock-proxy/interlock/internal/version"
	"github.com/interlock-proxy/interlock/internal/web"
	"github.com/interlock-proxy/interlock/rules"
)

// administer builds the server of the admin address.
func (s *Serving) administer(ctx context.Context, open *listeners, token string, kept *storage, reload *reloader, metrics http.Handler) (*web.Server, error) {
	c := &s.config
	t, err := c.Admin.TLSConfig()
	if err != nil {
		return nil, exit.Usage("admin.tls: %w", err)
	}
	s.status = newStatusView(ctx, s, open, kept)
	s.status.use(c)
	a := &web.Server{
		Token: token, Names: config.Lowered(c.Admin.Names), TLS: t, Profile: c.Admin.Profile,
		Store: kept.store, Session: kept.writer.Session(), Audit: s.audit, Tunnels: s.Relay.Tunnels, Tunnel: s.Relay.Tunnel, Status: s.status.show, Lacking: s.status.lacking, Metrics: metrics, Accepted: s.accepted, Reports: s.reportOptions,
		Probe: s.probes, Replay: s.probes.Replay, Reload: reload.reload, Pause: kept.pause,
	}
	if c.File != "" {
		a.Accept = reload.accept
	}
	return a, nil
}

// accepted returns the configured entries.
func (s *Serving) accepted() []accept.Entry { return s.probes.within.Load().config.Accepted }

// reportOptions returns the options of exports.
func (s *Serving) reportOptions() report.Options {
	c := &s.probes.within.Load().config
	o := report.Options{Version: version.String(), Command: "interlock serve", Target: rules.Redaction{}.Target(c.Backend), Location: report.Location{File: config.InTree(c.File)}}
	o.Routes, _ = c.RouteLines() // an unreadable file has no lines
	return o
}

// accept returns the diff that adds an entry to the configuration file. If confirmed, it writes the
// file and reloads.
func (r *reloader) accept(ctx context.Context, w accept.Written, confirmed bool) (file, diff string, err error) {
	a, err := accept.Add(r.file, w)
	if err != nil || !confirmed {
		if a == nil {
			return "", "", err
		}
		return a.File, a.Diff, err
	}
	if err := a.Write(); err != nil {
		return a.File, "", err
	}
	r.Out.Log.Info().Str("rule", w.Rule).Str("endpoint", w.Endpoint).Str("fingerprint", w.Fingerprint).Str("until", w.Until).Msg("finding accepted")
	_, err = r.reload(ctx, true)
	return a.File, a.Diff, err
}

// pause pauses or resumes the storage of exchanges.
func (s *storage) pause(paused bool) {
	if s.writer.Paused() == paused {
		return
	}
	s.writer.Pause(paused)
	s.log.Info().Bool("paused", paused).Msg("evidence paused or resumed")
}

// errNoBackend is the error for an exchange whose route is no longer configured.
var errNoBackend = errors.New("its route is not configured any more")

// observed sends a ruling to the subscribers, after all other consumers.
func (s *Serving) observed(a *web.Server) {
	s.audit.Each = both(s.audit.Each, func(r *rules.Ruling) {
		s.status.observe(r)
		a.Observe(r)
	})
}
