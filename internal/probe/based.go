package probe

import (
	"context"
	"slices"

	"github.com/interlock-proxy/interlock/rules"
)

// MaxProtected is the maximum number of protected paths of a target. Each costs several requests.
const MaxProtected = 8

// A based says what a probe is sent on if that is not the base of the target.
type based struct {
	aim  string           // the target of the handshake
	path string           // a protected path in place of the endpoint's; empty: the endpoint's own
	own  *rules.Handshake // the handshake of an identity in place of the target's; nil: the target's
}

// Possible returns the probes that can be sent to a target with that many identities. Run leaves out
// the others.
func Possible(probes []*rules.Probe, identities int) []*rules.Probe {
	if identities > 1 {
		return probes
	}
	return slices.DeleteFunc(slices.Clone(probes), func(p *rules.Probe) bool { return p.At == rules.AtForeign })
}

// basesOf returns the bases of a probe; none if the target lacks what it needs.
func (r *run) basesOf(p *rules.Probe) []*based {
	t := &r.target
	all := []*based{{aim: t.Base.Path}}
	switch p.At {
	case rules.AtProtected:
		for _, path := range t.Protected {
			if path != t.Base.Path {
				all = append(all, &based{aim: path, path: path})
			}
		}
	case rules.AtForeign:
		all = nil
		for _, own := range t.Identities {
			for _, other := range t.Identities {
				if !SameEndpoint(own, other) {
					all = append(all, &based{aim: own.Path, own: own.As(other)})
				}
			}
		}
	}
	return all
}

// SameEndpoint reports whether two handshakes differ in their credentials only, as far as the target
// goes.
func SameEndpoint(a, b *rules.Handshake) bool { return endpointOf(a) == endpointOf(b) }

// endpointOf returns the target of a handshake without its credentials.
func endpointOf(h *rules.Handshake) string {
	bare := h.Clone()
	rules.Anonymous()(bare)
	return bare.Path
}

// baseOf returns the base of the next request; b is nil for the target's own.
func (r *run) baseOf(ctx context.Context, b *based) (*rules.Handshake, error) {
	h, err := r.base(ctx, r.form)
	if err != nil {
		return nil, &suppliedError{err}
	}
	switch {
	case b == nil:
	case b.own != nil:
		h = b.own.Fresh(h.Key)
		r.form(h)
	case b.path != "":
		h.Path, h.Target = b.path, b.path
	}
	if i := slices.IndexFunc(r.target.Protected, func(path string) bool { return path != h.Path }); i >= 0 {
		h.Protected = r.target.Protected[i]
	}
	h.Inside = r.target.Inside
	return h, nil
}
