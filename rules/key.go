package rules

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
)

// A Key identifies a finding over time and over replicas: two findings with the same key are the
// same one. It can be the key of a map.
type Key struct {
	Rule     string `json:"rule"`     // ID
	Probe    string `json:"probe"`    // ID; empty for live traffic
	Route    string `json:"route"`    // name
	Endpoint string `json:"endpoint"` // template
}

// Key returns the key of one of the ruling's findings, with the ruling's endpoint.
func (r *Ruling) Key(f *Finding) Key { return Key{f.Rule.ID, r.X.Probe, r.X.Route, r.Endpoint} }

// Fingerprint returns the fingerprint of one of the ruling's findings.
func (r *Ruling) Fingerprint(f *Finding) string { return r.Key(f).Fingerprint() }

// Fingerprint returns the key in the form that users write: 32 hexadecimal digits. The form is a
// contract.
func (k Key) Fingerprint() string { return string(k.appendFingerprint(make([]byte, 0, 32))) }

func (k Key) appendFingerprint(b []byte) []byte {
	text := make([]byte, 0, 256)
	text = append(append(text, k.Rule...), 0)
	text = append(append(text, k.Probe...), 0)
	text = append(append(text, k.Route...), 0)
	sum := sha256.Sum256(append(text, k.Endpoint...))
	return hex.AppendEncode(b, sum[:16])
}

// Place returns the key without the probe: where a rule is violated, whatever shows it.
func (k Key) Place() Key {
	k.Probe = ""
	return k
}

// Compare orders keys by rule, place and probe.
func (k Key) Compare(other Key) int {
	return cmp.Or(
		cmp.Compare(k.Rule, other.Rule), cmp.Compare(k.Route, other.Route), cmp.Compare(k.Endpoint, other.Endpoint),
		cmp.Compare(k.Probe, other.Probe),
	)
}
