package ca

import (
	"crypto"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// The names of the files of an authority, inside its directory.
const (
	CertificateFile = "ca.pem"
	KeyFile         = "ca-key.pem"
)

// An Authority is a certificate authority with its key. It does not change, and any number of
// goroutines may use it.
type Authority struct {
	Certificate *x509.Certificate
	key         crypto.Signer
}

// Dir returns the default directory of an authority: interlock in XDG_STATE_HOME, else in
// ~/.local/state.
func Dir() (string, error) {
	if state := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(state) {
		return filepath.Join(state, "interlock"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("find the state directory: %w", err)
	}
	return filepath.Join(home, ".local", "state", "interlock"), nil
}

// TLS returns the authority as a tls.Certificate.
func (a *Authority) TLS() *tls.Certificate {
	return &tls.Certificate{Certificate: [][]byte{a.Certificate.Raw}, PrivateKey: a.key, Leaf: a.Certificate}
}

// PEM returns the certificate in PEM. The key is never exported.
func (a *Authority) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.Certificate.Raw})
}

// DER returns the certificate in DER.
func (a *Authority) DER() []byte { return a.Certificate.Raw }

// Fingerprint returns the SHA-256 of the certificate in the usual form: hexadecimal pairs separated
// by colons.
func (a *Authority) Fingerprint() string {
	sum := sha256.Sum256(a.Certificate.Raw)
	return strings.ReplaceAll(fmt.Sprintf("% X", sum[:]), " ", ":")
}

// Pin returns the SHA-256 of the public key in base64, the form for pinning (RFC 7469 §2.4).
func (a *Authority) Pin() string {
	sum := sha256.Sum256(a.Certificate.RawSubjectPublicKeyInfo)
	return base64.StdEncoding.EncodeToString(sum[:])
}

// Hosts returns the names and addresses that the authority may sign for, names with their
// subdomains. It is empty if the authority is unconstrained.
func (a *Authority) Hosts() []string {
	var all []string
	for _, name := range a.Certificate.PermittedDNSDomains {
		if name != nothing {
			all = append(all, name)
		}
	}
	for _, block := range a.Certificate.PermittedIPRanges {
		if ones, bits := block.Mask.Size(); ones == bits {
			all = append(all, block.IP.String())
		} else {
			all = append(all, block.String())
		}
	}
	return all
}

// published are digests of public keys of authorities whose private keys are public, such as
// goproxy's. Anyone can impersonate every host to a client that trusts one of them.
var published = []string{"wBLeETqBeJ61w5LAWAFWu8KB+fk+B/CMr6MylnLmmTs="}

var errPublished = errors.New("its key is the published one of goproxy, which everyone has: create your own")
