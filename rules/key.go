package rules

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"strings"
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
func (k Key) Fingerprint() string {
	sum := sha256.Sum256([]byte(strings.Join([]string{k.Rule, k.Probe, k.Route, k.Endpoint}, "\x00")))
	return hex.EncodeToString(sum[:16])
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
