package run

import (
	"github.com/interlock-proxy/interlock/internal/exit"
	"github.com/interlock-proxy/interlock/internal/probe"
	"github.com/interlock-proxy/interlock/rules"
)

// CheckHTTP rejects values of --http that are not versions.
func CheckHTTP(value string) error {
	if _, err := probe.ParseHTTP(value); err != nil {
		return exit.Usage("--http: %w", err)
	}
	return nil
}

// version returns the versions of HTTP that a place is probed in.
func (f *ProbeFlags) version(where place) (probe.HTTP, error) {
	switch {
	case f.SeedCompat && f.HTTP == "" && !where.prior:
		return probe.HTTP1, nil
	case f.SeedCompat && f.HTTP != "1.1":
		return 0, exit.Usage("--seed-compat: these tests are in HTTP/1.1; leave out --http, and give an http or https URL")
	case f.HTTP == "1.1" && where.prior:
		return 0, exit.Usage("%s: h2c is HTTP/2, which --http 1.1 leaves out; write http", where)
	case f.HTTP == "1.1":
		return probe.HTTP1, nil
	case f.HTTP == "both":
		return probe.Both, nil
	case f.HTTP == "2", where.prior:
		return probe.HTTP2, nil
	}
	return probe.Chosen, nil
}

// speaking chooses the probes of a site by the versions of HTTP that it is probed in.
func (s *site) speaking() (err error) {
	if s.version, err = s.run.Flags.version(s.place); err != nil {
		return err
	}
	s.probes = probe.Speaking(s.run.Probes, s.version, s.target.TLS != nil)
	switch {
	case len(s.probes) > 0:
		return nil
	case s.run.Probes[0].HTTP2():
		return exit.Usage("%s: these probes are in HTTP/2: add --http 2, or give an https URL", s.place)
	}
	return exit.Usage("%s: these probes are in HTTP/1.1: add --http both", s.place)
}

// results returns how many of the probes have a result: a plain request has none.
func results(probes []*rules.Probe) (n int) {
	for _, q := range probes {
		if !rules.IsPlain(q.ID) {
			n++
		}
	}
	return n
}
