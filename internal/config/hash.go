package config

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
)

// own are the keys that have to differ between instances of one service, or that they share anyway.
var own = regexp.MustCompile(`^(instance|store|listen|admin\.(listen|open|names)|forward\.listen|(listeners|routes)\[\d+\]\.listen)$`)

// Hash identifies what the configuration does: it is the SHA-256, in hexadecimal, of the values that
// are not the default, in a fixed order and without secrets. Instances of one service with the same
// configuration have the same hash, also in releases with more keys. Passwords and the contents of
// files that it names are not part of it.
func (c *Config) Hash() string {
	defaults, usual := Defaults(), map[string]string{}
	for _, s := range defaults.Settings() {
		usual[s.Key] = s.Value
	}
	h := sha256.New()
	for _, s := range c.Settings() {
		if own.MatchString(s.Key) {
			continue
		}
		value, known := usual[s.Key]
		if s.Value == value || !known && isZero(s.Value) {
			continue
		}
		fmt.Fprintf(h, "%q: %q\n", s.Key, s.Shown())
	}
	return hex.EncodeToString(h.Sum(nil))
}

// isZero reports whether the value of a key in a list is that of a key that is not there.
func isZero(value string) bool {
	return value == "" || value == "0" || value == "0s" || value == "false"
}

// ShortHash is the beginning of a hash, for people.
func ShortHash(hash string) string { return hash[:min(12, len(hash))] }
