package config

import (
	"runtime"
	"slices"

	"github.com/rs/zerolog"
)

// Warn logs settings that make results less meaningful or connections less safe.
func (c *Config) Warn(log zerolog.Logger) {
	if runtime.GOOS == "windows" {
		log.Warn().Msg("SIGHUP does not exist on Windows, and access rights of secret files are not checked")
	}
	for name, t := range c.backendTLS() {
		if t.Insecure {
			log.Warn().Str("route", name).Msg("backend certificate is not checked")
		}
	}
	for _, text := range c.http2Warnings() {
		log.Warn().Msg(text)
	}
	if c.Forward.isOpen() {
		log.Warn().Str("forward", c.Forward.Listen).Msg("forward listener does not ask for credentials")
	}
}

// The warnings about HTTP/2: it is nowhere agreed on, not for some routes, or TLS goes where it is not understood.
const (
	textNoSecureBackend = "tls.h2 has no effect: clients get HTTP/2 only from an https backend"
	textRoutesByHost    = "clients get HTTP/1.1 where a route is chosen by hosts: give these routes an sni list to audit HTTP/2"
	textPassToPlain     = "tls.h2: pass sends TLS to a backend without TLS: clients that offer HTTP/2 fail; use refuse or audit"
)

// Warnings returns the warnings of Warn for people.
func (c *Config) Warnings() []string {
	all := []string{}
	for name, t := range c.backendTLS() {
		if t.Insecure {
			all = append(all, "the TLS certificate of the backend of route "+name+" is not verified")
		}
	}
	slices.Sort(all)
	if c.Forward.isOpen() {
		all = append(all, "the forward listener "+c.Forward.Listen+" does not ask for credentials")
	}
	all = append(all, c.http2Warnings()...)
	if c.Evidence.Keep == KeepFull {
		all = append(all, "secrets and payload are stored: evidence.keep is full")
	}
	return all
}

// backendTLS returns the TLS settings for the backend of each route.
func (c *Config) backendTLS() map[string]*BackendTLSConfig {
	all := map[string]*BackendTLSConfig{"default": &c.BackendTLS}
	for i := range c.Routes {
		all[c.Routes[i].Name] = &c.Routes[i].BackendTLS
	}
	return all
}
