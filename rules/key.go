package rules

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// A Key is what makes two findings the same one, over time and over replicas. It can be the key of a map.
type Key struct {
	Rule     string // ID
	Probe    string // ID; empty for live traffic
	Route    string // name
	Endpoint string // template
}

// Key is the key of one of the ruling's findings, under the ruling's endpoint.
func (r *Ruling) Key(f *Finding) Key { return Key{f.Rule.ID, r.X.Probe, r.X.Route, r.Endpoint} }

// Fingerprint is the fingerprint of one of the ruling's findings.
func (r *Ruling) Fingerprint(f *Finding) string { return r.Key(f).Fingerprint() }

// Fingerprint is the key as users write it down: 32 hexadecimal digits. It is a contract.
func (k Key) Fingerprint() string {
	sum := sha256.Sum256([]byte(strings.Join([]string{k.Rule, k.Probe, k.Route, k.Endpoint}, "\x00")))
	return hex.EncodeToString(sum[:16])
}

// Place is the key without the probe: the place where a rule is broken, whoever shows it.
func (k Key) Place() Key {
	k.Probe = ""
	return k
}
