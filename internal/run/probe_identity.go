package run

import (
	"os"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/internal/exit"
	"github.com/interlock-proxy/interlock/internal/probe"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// maxIdentities is the maximum number of identities: each is tried at the endpoint of each other.
const maxIdentities = 4

// protectedPaths returns the paths of --protected.
func (f *ProbeFlags) protectedPaths() ([]string, error) {
	for _, path := range f.Protected {
		if !strings.HasPrefix(path, "/") || strings.ContainsFunc(path, func(r rune) bool { return r <= ' ' || r > '~' || r == '#' }) {
			return nil, exit.Usage("--protected: %q must be a path that requires a login, such as /admin", path)
		}
	}
	if n := len(f.Protected); n > probe.MaxProtected {
		return nil, exit.Usage("--protected: %d paths; the limit is %d", n, probe.MaxProtected)
	}
	return f.Protected, nil
}

// identities returns the handshakes of --identity. Each is the base with the credentials of a file
// in place of its own and, if the file begins with a request line, with the target from there.
func (f *ProbeFlags) identities(base *rules.Handshake) ([]*rules.Handshake, error) {
	bare := base.Clone()
	rules.Anonymous()(bare)
	var all []*rules.Handshake
	var names, secrets []string
	for _, text := range f.Identities {
		name, file, ok := strings.Cut(text, "=@")
		if !ok || !wire.IsToken(name) || file == "" {
			return nil, exit.Usage("--identity: %q must be NAME=@FILE; the file has the headers of that user", text)
		}
		if slices.Contains(names, name) {
			return nil, exit.Usage("--identity: %s is there twice", name)
		}
		content, err := os.ReadFile(file)
		if err != nil {
			return nil, exit.Usage("--identity %s: %w", name, err)
		}
		h, err := probe.ParseHandshake(bare, string(content), file)
		if err != nil {
			return nil, exit.Usage("--identity %s: %w", name, err)
		}
		names, all, secrets = append(names, name), append(all, h), append(secrets, headersOf(h, bare)...)
	}
	for i, h := range all {
		h.Secrets.Names = slices.Concat(base.Secrets.Names, secrets)
		if !h.Carries() {
			return nil, exit.Usage("--identity %s: the file has no credentials, such as a Cookie or Authorization header", names[i])
		}
	}
	switch n := len(all); {
	case n == 1:
		return nil, exit.Usage("--identity: give two or more; the credentials of one are sent to the endpoint of another")
	case n > maxIdentities:
		return nil, exit.Usage("--identity: %d are given; the limit is %d", n, maxIdentities)
	case n > 0 && !slices.ContainsFunc(all, func(h *rules.Handshake) bool { return !probe.SameEndpoint(h, all[0]) }):
		return nil, exit.Usage("--identity: all have the same endpoint; begin the files with request lines such as GET /rooms/%s HTTP/1.1", names[0])
	}
	return all, nil
}

// headersOf returns the names of the headers that a handshake has beside those of the base. In the
// file of an identity, all of them are its credentials but the ones that say where it goes.
func headersOf(h, base *rules.Handshake) (names []string) {
	for _, l := range h.Lines {
		public := wire.EqualFold(l.Name, "Host") || wire.EqualFold(l.Name, "Origin") || wire.EqualFold(l.Name, "User-Agent") || wire.EqualFold(l.Name, "Sec-WebSocket-Protocol")
		if !public && !slices.Contains(base.Lines, l) {
			names = append(names, l.Name)
		}
	}
	return names
}

// identify gives a target what the flags say about logins. Without credentials of its own, the base
// has those of the first identity.
func (p *Probing) identify(s *site) (err error) {
	t := &s.target
	t.Base.Secrets = p.Config.RuleOptions().Redact
	if t.Identities, err = p.Flags.identities(t.Base); err != nil {
		return err
	}
	if len(t.Identities) > 0 && !t.Base.Carries() {
		t.Base = t.Base.As(t.Identities[0])
		t.Base.Owner = nil
	}
	if !slices.ContainsFunc(p.sites, func(other *site) bool { return other.target.Address == t.Address }) {
		t.Protected, err = p.Flags.protectedPaths()
	}
	return err
}
