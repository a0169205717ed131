package ca

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// nothing is a name that no host can have (RFC 6761 §6.4). Constraints that permit only it permit
// no name.
const nothing = "invalid"

// Create makes an authority with a new key (ECDSA, P-256) and writes both into a directory, which
// it creates. Only the owner can read the key. The authority may sign only for hosts: names with
// their subdomains, globs, and addresses; nil means everything. Create never overwrites a file.
func Create(dir string, hosts []string, valid time.Duration) (*Authority, error) {
	template, err := newTemplate(hosts, valid)
	if err != nil {
		return nil, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, fmt.Errorf("sign the certificate: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("read the certificate: %w", err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("write the key: %w", err)
	}
	a := &Authority{Certificate: cert, key: key}
	return a, a.save(dir, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}))
}

// newTemplate is the certificate that is to be signed.
func newTemplate(hosts []string, valid time.Duration) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, fmt.Errorf("make a serial number: %w", err)
	}
	machine, err := os.Hostname()
	if err != nil {
		machine = "unknown"
	}
	now := time.Now()
	c := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{Organization: []string{"Interlock"}, CommonName: "Interlock audit of " + machine[:min(len(machine), 40)]},
		NotBefore:    now.Add(-time.Hour), NotAfter: now.Add(valid), // allows for clocks that differ
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	if hosts != nil {
		err = constrain(c, hosts)
	}
	return c, err
}

// constrain restricts an authority to those hosts (RFC 5280 §4.2.1.10). A kind of name without a
// constraint is unrestricted, so both kinds get one.
func constrain(c *x509.Certificate, hosts []string) error {
	c.PermittedDNSDomainsCritical = true
	for _, host := range hosts {
		if a, err := netip.ParseAddr(host); err == nil {
			bits := a.BitLen()
			c.PermittedIPRanges = append(c.PermittedIPRanges, &net.IPNet{IP: a.AsSlice(), Mask: net.CIDRMask(bits, bits)})
			continue
		}
		if i := strings.LastIndexByte(host, '*'); i >= 0 {
			_, under, ok := strings.Cut(host[i:], ".")
			if !ok || under == "" {
				return fmt.Errorf("%q matches all kinds of names: name the hosts, or use --any-host", host)
			}
			host = under
		}
		if !slices.Contains(c.PermittedDNSDomains, host) {
			c.PermittedDNSDomains = append(c.PermittedDNSDomains, host)
		}
	}
	if len(c.PermittedDNSDomains) == 0 {
		c.PermittedDNSDomains = []string{nothing}
	}
	if len(c.PermittedIPRanges) == 0 {
		for _, all := range []string{"0.0.0.0/0", "::/0"} {
			p := netip.MustParsePrefix(all)
			c.ExcludedIPRanges = append(c.ExcludedIPRanges, &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(0, p.Addr().BitLen())})
		}
	}
	return nil
}

// save writes both files, or none.
func (a *Authority) save(dir string, key []byte) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make directory: %w", err)
	}
	keyFile, certFile := filepath.Join(dir, KeyFile), filepath.Join(dir, CertificateFile)
	if err := writeNew(keyFile, key, 0o600); err != nil {
		return err
	}
	if err := writeNew(certFile, a.PEM(), 0o644); err != nil {
		return errors.Join(err, os.Remove(keyFile))
	}
	return nil
}

// writeNew writes a file that must not exist.
func writeNew(name string, text []byte, mode fs.FileMode) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%q exists already: an authority that clients trust is not replaced; move it away, or name another directory", name)
	}
	if err != nil {
		return fmt.Errorf("write authority: %w", err)
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close()); err != nil {
		return errors.Join(fmt.Errorf("write authority: %w", err), os.Remove(name))
	}
	return nil
}
