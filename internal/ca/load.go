package ca

import (
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"
)

// maxFile is the largest file that is read, in bytes.
const maxFile = 1 << 20

// Load loads the authority in a directory. It fails if others than the owner can read the key, if
// the certificate has expired, is not a CA certificate or does not match the key, or if the key is
// public.
func Load(dir string) (*Authority, error) {
	certFile, keyFile := filepath.Join(dir, CertificateFile), filepath.Join(dir, KeyFile)
	cert, err := readRestricted(certFile, 0)
	if err != nil {
		return nil, err
	}
	key, err := readRestricted(keyFile, 0o077)
	if err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("authority %q with key %q: %w", certFile, keyFile, err)
	}
	a := &Authority{}
	if a.Certificate, err = x509.ParseCertificate(pair.Certificate[0]); err == nil {
		a.key, err = a.usable(pair.PrivateKey)
	}
	if err != nil {
		return nil, fmt.Errorf("authority %q: %w", certFile, err)
	}
	return a, nil
}

// readRestricted reads a file whose mode has none of the forbidden bits.
func readRestricted(name string, forbidden fs.FileMode) ([]byte, error) {
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("no authority at %q: create one with interlock ca create", name)
	}
	if err != nil {
		return nil, fmt.Errorf("read authority: %w", err)
	}
	defer f.Close()
	stat, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("read authority: %w", err)
	}
	if mode := stat.Mode().Perm(); runtime.GOOS != "windows" && mode&forbidden != 0 {
		return nil, fmt.Errorf("key %q can be read or written by others (mode %04o): whoever has it can impersonate the audited hosts; chmod 600 it if no one has read it, or else create a new authority", name, mode)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxFile))
	if err != nil {
		return nil, fmt.Errorf("read authority: %w", err)
	}
	return text, nil
}

// usable returns the key if certificates can be signed with it and the certificate.
func (a *Authority) usable(key crypto.PrivateKey) (crypto.Signer, error) {
	c, now := a.Certificate, time.Now()
	signer, ok := key.(crypto.Signer)
	switch {
	case !ok:
		return nil, fmt.Errorf("a key of type %T cannot sign", key)
	case !c.IsCA || c.KeyUsage != 0 && c.KeyUsage&x509.KeyUsageCertSign == 0:
		return nil, errors.New("the certificate is not one of an authority")
	case slices.Contains(published, a.Pin()):
		return nil, errPublished
	case now.After(c.NotAfter):
		return nil, fmt.Errorf("it expired on %s: create a new one, and have clients trust it", c.NotAfter.UTC().Format(time.DateTime))
	case now.Before(c.NotBefore):
		return nil, fmt.Errorf("it is valid from %s on", c.NotBefore.UTC().Format(time.DateTime))
	}
	return signer, nil
}
