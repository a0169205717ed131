package run

import (
	"slices"

	"github.com/interlock-proxy/interlock/internal/exit"
	"github.com/interlock-proxy/interlock/internal/probe"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// SeedKey is the key that the tests of Http11Probe always send: the example of RFC 6455 §1.3.
const SeedKey = "dGhlIHNhbXBsZSBub25jZQ=="

// seeds returns the IDs of the probes that correspond to the upgrade tests of Http11Probe.
func seeds() []string {
	return []string{"UPGRADE-POST", "UPGRADE-MISSING-CONN", "UPGRADE-INVALID-VER", "UPGRADE-UNKNOWN", "UPGRADE-HTTP10"}
}

// SeedProbes returns the upgrade tests of Http11Probe as it sends them. From the base they take
// only host and target; the key never changes.
func SeedProbes(f *ProbeFlags) ([]*rules.Probe, error) {
	if len(f.Fields) > 0 || f.Cookie+f.Subprotocol+f.Origin+f.HandshakeCmd != "" || len(f.Protocols) > 0 {
		return nil, exit.Usage("--seed-compat sends exactly those tests: leave out -H, --cookie, --subprotocol, --origin, --handshake-cmd and --protocol")
	}
	chosen, err := probe.Select(slices.DeleteFunc(rules.Probes(), func(p *rules.Probe) bool { return !slices.Contains(seeds(), p.ID) }), f.Only, f.Skip)
	for i, p := range chosen {
		literal := *p
		literal.Twins = nil
		literal.Edit = func(h *rules.Handshake) {
			*h = *p.On(rules.NewHandshake(h.Scheme, h.Host, h.Path, SeedKey))
		}
		chosen[i] = &literal
	}
	return chosen, err
}

// byStatusAlone returns an exchange that is scored without regard to controls.
func byStatusAlone(x *wire.Exchange) *wire.Exchange {
	copied := *x
	copied.Controls = wire.ControlsUnasked
	return &copied
}

// alone returns a ruling with only the finding of the probe's own rule, as test suites count it.
func alone(r *rules.Ruling) *rules.Ruling {
	own := *r
	own.Findings, own.Verdict, own.Unsafe = nil, rules.NotApplicable, false
	if f := r.Find(rules.FindProbe(r.X.Probe).Rule().ID); f != nil {
		own.Findings, own.Verdict = []rules.Finding{*f}, f.Verdict
		own.Unsafe = r.Unsafe && f.Verdict == rules.Fail && f.Severity == rules.Critical
	}
	return &own
}

// missingSeeds returns the seeds that were not sent although they were not excluded.
func (s *site) missingSeeds() []string {
	var missing []string
	for _, n := range s.was.NotSent {
		family := "websocket"
		if n.Probe.ID == "UPGRADE-UNKNOWN" {
			family = "other"
		}
		only := s.run.Flags.Protocols
		wanted := len(only) == 0 || slices.Contains(only, family)
		if wanted && slices.Contains(seeds(), n.Probe.ID) {
			missing = append(missing, n.Probe.ID)
		}
	}
	return missing
}
