package proxy

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"
)

// A CertificatePair names the files of a certificate chain and its key, both PEM.
type CertificatePair struct{ Cert, Key string }

// Certificates are what a listener shows to its clients: the first that fits what the client asks
// for (SNI, RFC 6066 §3), else the first. Files that change are read again; if what they hold is no
// good, the last good one stays in use.
type Certificates struct {
	Failed func(error) // is told, at most once a minute, that changed files are no good; nil: nobody is

	pairs []CertificatePair

	mu     sync.Mutex
	held   []tls.Certificate
	stamps []time.Time // of the newer file of each pair
	looked time.Time
	told   time.Time
}

// lookAgain is how long files are taken to be unchanged.
const lookAgain = time.Second

// LoadCertificates reads certificates. An error names the file and says what is wrong with it; one
// that has expired, that is not valid yet, or that does not fit its key, is one.
func LoadCertificates(pairs []CertificatePair) (*Certificates, error) {
	c := &Certificates{pairs: pairs, looked: time.Now()}
	for _, p := range pairs {
		cert, err := loadPair(p)
		if err != nil {
			return nil, err
		}
		c.held, c.stamps = append(c.held, cert), append(c.stamps, stampOf(p))
	}
	if len(c.held) == 0 {
		return nil, errors.New("no certificate is named")
	}
	return c, nil
}

func loadPair(p CertificatePair) (tls.Certificate, error) {
	for what, name := range map[string]string{"certificate": p.Cert, "key": p.Key} {
		if name == "" {
			return tls.Certificate{}, fmt.Errorf("certificate %q and key %q belong together: the %s is missing", p.Cert, p.Key, what)
		}
	}
	cert, err := tls.LoadX509KeyPair(p.Cert, p.Key)
	if err != nil {
		return cert, fmt.Errorf("certificate %q with key %q: %w", p.Cert, p.Key, err)
	}
	if cert.Leaf == nil {
		if cert.Leaf, err = x509.ParseCertificate(cert.Certificate[0]); err != nil {
			return cert, fmt.Errorf("certificate %q: %w", p.Cert, err)
		}
	}
	switch now := time.Now(); {
	case now.After(cert.Leaf.NotAfter):
		return cert, fmt.Errorf("certificate %q expired on %s", p.Cert, cert.Leaf.NotAfter.UTC().Format(time.DateTime))
	case now.Before(cert.Leaf.NotBefore):
		return cert, fmt.Errorf("certificate %q is valid from %s on", p.Cert, cert.Leaf.NotBefore.UTC().Format(time.DateTime))
	}
	return cert, nil
}

// stampOf is when the newer of both files was written.
func stampOf(p CertificatePair) time.Time {
	var newest time.Time
	for _, name := range []string{p.Cert, p.Key} {
		if info, err := os.Stat(name); err == nil && info.ModTime().After(newest) {
			newest = info.ModTime()
		}
	}
	return newest
}

// Get is for tls.Config.GetCertificate. It may be called by several goroutines at the same time.
func (c *Certificates) Get(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.look(time.Now())
	for i := range c.held {
		if hello.SupportsCertificate(&c.held[i]) == nil {
			return &c.held[i], nil
		}
	}
	return &c.held[0], nil
}

// look reads files again that have changed. The lock is held.
func (c *Certificates) look(now time.Time) {
	if now.Sub(c.looked) < lookAgain {
		return
	}
	c.looked = now
	for i, p := range c.pairs {
		stamp := stampOf(p)
		if stamp.Equal(c.stamps[i]) {
			continue
		}
		cert, err := loadPair(p)
		if err == nil {
			held := append([]tls.Certificate(nil), c.held...) // others may still use the old ones
			held[i] = cert
			c.held, c.stamps[i] = held, stamp
		} else if c.Failed != nil && now.Sub(c.told) >= time.Minute {
			c.told = now
			c.Failed(err)
		}
	}
}
