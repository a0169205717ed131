package server

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"net"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/interlock-proxy/interlock/internal/audit"
	"github.com/interlock-proxy/interlock/internal/config"
	"github.com/interlock-proxy/interlock/internal/probe"
	"github.com/interlock-proxy/interlock/internal/version"
	"github.com/interlock-proxy/interlock/rules"
)

// speaks returns the versions of HTTP that the endpoint is probed in.
func (r *LearnedRun) speaks() probe.HTTP {
	if r.Ask.HTTP == "" && r.Learned.HTTP2 {
		return probe.Seen
	}
	v, _ := probe.ParseHTTP(r.Ask.HTTP) // Prepare has checked it
	return v
}

// labels record the options of the run, so that it can be repeated.
func (r *LearnedRun) labels() map[string]string {
	all := map[string]string{
		"endpoint": r.Ask.Endpoint, "route": r.Learned.Route, "protocol": r.Learned.Protocol, "host": r.Learned.Host, "backend": r.Learned.Backend,
		"only": strings.Join(r.Ask.Only, " "), "skip": strings.Join(r.Ask.Skip, " "), "credentials": r.Ask.Credentials, "http": r.Ask.HTTP,
	}
	if r.Ask.Risky {
		all["risky"] = "yes"
	}
	if r.Ask.UnsafeMethods {
		all["methods"] = "yes"
	}
	maps.DeleteFunc(all, func(_, value string) bool { return value == "" })
	return all
}

// Target returns the target of the probes, with the learned handshake as their base.
func (r *LearnedRun) Target(ctx context.Context) (probe.Target, error) {
	t := probe.Target{Address: r.Learned.Backend, Route: r.Learned.Route}
	scheme := "http"
	if r.Backend.TLS != nil {
		scheme, t.TLS = "https", r.Backend.TLS.Clone()
		if host, _, err := net.SplitHostPort(t.Address); err == nil && t.TLS.ServerName == "" {
			t.TLS.ServerName = host
		}
		t.TLSFlags = tlsFlags(r.Backend.TLS)
	}
	recorded := r.Ask.Credentials == config.CredentialsRecorded
	t.Base = rules.Learn(r.Learned.Request, scheme, "AAAAAAAAAAAAAAAAAAAAAA==", recorded, r.redaction())
	t.Base.Secrets, t.Protected = r.redaction(), r.Audit.Protected(r.Learned.Route, r.Learned.Host, probe.MaxProtected)
	if r.Backend.Host != "" {
		rules.Set("Host", r.Backend.Host)(t.Base)
		t.Base.Host = r.Backend.Host
	}
	if recorded {
		return t, nil
	}
	identity, err := IdentityFields(ctx, &r.config().Probes.Identity, &bytes.Buffer{})
	if err != nil {
		return t, err
	}
	probe.SetFields(t.Base, identity)
	return t, nil
}

// whose describes whose credentials the probes carry, if any.
func (r *LearnedRun) whose() string {
	q := r.Learned.Request
	if r.Ask.Credentials != config.CredentialsRecorded || !q.Has("Cookie") && !q.Has("Authorization") && !q.Has("Sec-WebSocket-Protocol") {
		return ""
	}
	host, _, _ := net.SplitHostPort(r.Learned.Client)
	return fmt.Sprintf("credentials recorded %s from %s", r.Learned.Seen.Local().Format("15:04"), host)
}

// redaction returns the redaction of the endpoint's route.
func (r *LearnedRun) redaction() rules.Redaction { return r.Audit.OptionsOf(r.Learned.Route).Redact }

func (r *LearnedRun) shownTarget() string {
	return r.redaction().Target(r.Learned.Request.Target)
}

// Settings returns the settings of the probe run with that name.
func (r *LearnedRun) Settings(run string) probe.Settings {
	options := r.Audit.OptionsOf(r.Learned.Route)
	return probe.Settings{
		HTTP: r.speaks(), Run: run, UserAgent: audit.Agent + version.String(), Risky: r.Ask.Risky, UnsafeMethods: r.Ask.UnsafeMethods,
		NewID: func(now time.Time) string { return ulid.MustNew(ulid.Timestamp(now), ulid.DefaultEntropy()).String() },
		Fails: Fails(options),
	}
}
