//go:build linux

package main

import (
	"context"
	_ "embed"
	"errors"
	"path/filepath"
	"strconv"
)

//go:embed haproxy-h2.cfg
var haproxyHTTP2Cfg string

//go:embed nghttpx-h2.conf
var nghttpxConf string

// The contenders that speak HTTP/2 in TLS on both sides. With pass, Interlock does not decrypt.
var (
	overHTTP2 = []string{"haproxy-h2", "nghttpx-h2", "interlock-h2", "interlock-pass-h2"}
	gateways  = []string{"haproxy-h2", "nghttpx-h2"}
)

// An http2Load is what the load of a row in HTTP/2 is.
type http2Load struct {
	streams int    // of a connection at the same time
	path    string // of the tunnel that each is; empty: it is a GET
}

// http2Loads are by the name of the row.
var http2Loads = map[string]http2Load{
	"h2-get": {1, ""}, "h2-get-10": {10, ""}, "h2-echo": {1, "/echo"}, "h2-echo-16": {16, "/echo"}, "h2-bulk": {1, "/bulk"},
}

var http2Works = []work{
	{
		Name: "h2-get", Title: "GET in HTTP/2 in TLS, 13-byte body, 32 connections", Figure: "µs of CPU per request", Scale: 1,
		Unit: "request", Count: 40_000, Connections: 32, Contenders: overHTTP2, Against: gateways, Role: "h2load",
	},
	{
		Name: "h2-get-10", Title: "the same with 10 streams at a time on each", Figure: "µs of CPU per request", Scale: 1,
		Unit: "request", Count: 80_000, Connections: 32, Contenders: overHTTP2, Against: gateways, Role: "h2load",
	},
	{
		Name: "h2-echo", Title: "64-byte echo through a tunnel in HTTP/2 in TLS, 32 connections with one tunnel each", Figure: "µs of CPU per round trip", Scale: 1,
		Unit: "round trip", Count: 40_000, Connections: 32, Contenders: overHTTP2, Against: gateways, Role: "h2load",
	},
	{
		Name: "h2-echo-16", Title: "the same, 8 connections with 16 tunnels each", Figure: "µs of CPU per round trip", Scale: 1,
		Unit: "round trip", Count: 80_000, Connections: 8, Contenders: overHTTP2, Against: gateways, Role: "h2load",
	},
	{
		Name: "h2-bulk", Title: "8 MiB at a time from the backend through a tunnel in HTTP/2 in TLS, in frames of 1 MiB, 4 connections", Figure: "CPU s per GB", Scale: 1000.0 / bulkSize,
		Unit: "portion", Count: 128, Connections: 4, Contenders: overHTTP2, Against: gateways, Role: "h2load",
	},
}

func haproxyHTTP2(s setting) ([]string, error) {
	path, err := s.fill("haproxy.cfg", haproxyHTTP2Cfg)
	return []string{program("haproxy"), "-db", "-f", path}, errors.Join(err, certify(s.dir))
}

func nghttpxHTTP2(s setting) ([]string, error) {
	path, err := s.fill("nghttpx.conf", nghttpxConf)
	return []string{program("nghttpx"), "--conf=" + path}, errors.Join(err, certify(s.dir))
}

// interlockHTTP2 returns an Interlock with that value of tls.h2.
func interlockHTTP2(way string) func(s setting) ([]string, error) {
	return func(s setting) ([]string, error) {
		path, err := s.fill("interlock.yaml", interlockYAML+"tls: {h2: "+way+"}\n")
		return s.serveTLS(path), errors.Join(err, certify(s.dir))
	}
}

// serveTLS returns the command line of an Interlock that speaks TLS on both sides.
func (s setting) serveTLS(config string) []string {
	return []string{
		s.interlock, "serve", "--config", config, "--backend", "https://" + s.backend, "--insecure", "--listen", s.listen, "--admin", s.admin,
		"--tls-cert", filepath.Join(s.dir, "cert.pem"), "--tls-key", filepath.Join(s.dir, "key.pem"), "--log", "json",
	}
}

// memoryHTTP2 is memory for connections that had one request, and for tunnels, 90 on each connection.
func (b *bench) memoryHTTP2(ctx context.Context) ([]figures, error) {
	columns := b.among("haproxy-h2", "nghttpx-h2", "interlock-h2", "interlock-pass-h2")
	const unit = "kB, PSS over that without connections"
	tables := []figures{
		newFigures("h2-idle", "memory per idle connection of HTTP/2 in TLS that had one request, of 2,000", unit, gateways, columns),
		newFigures("h2-idle-tunnels", "memory per idle tunnel in HTTP/2 in TLS, of 9,000 on 100 connections", unit, gateways, columns),
	}
	origin := func(ctx context.Context) (*process, string, error) { return b.newSecured(ctx, "h2origin") }
	for round := range b.rounds {
		progress("h2-memory", round+1, b.rounds)
		for i, crowd := range []struct{ connections, tunnels int }{{2000, 0}, {100, 90}} {
			found, err := b.crowd(ctx, columns, []int{0, crowd.connections}, origin, func(target string, n int) []string {
				return []string{"h2hold", target, strconv.Itoa(crowd.tunnels), strconv.Itoa(n)}
			})
			if err != nil {
				return nil, err
			}
			for j, kB := range found[1] {
				v := roundValue{Value: float64(kB-found[0][j]) / float64(crowd.connections*max(crowd.tunnels, 1)), PSS: kB}
				tables[i].Columns[j].Rounds = append(tables[i].Columns[j].Rounds, v)
			}
		}
	}
	for i := range tables {
		tables[i].compare()
	}
	return tables, nil
}
