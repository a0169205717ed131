package proxy

import (
	"crypto/tls"
	"slices"
)

// HTTP2 is what becomes of a client whose TLS offers HTTP/2.
type HTTP2 uint8

// The ways.
const (
	RefuseHTTP2 HTTP2 = iota // it gets HTTP/1.1
	PassHTTP2                // its TLS goes to the backend as it is, and is not read

	// AuditHTTP2 has the backend dialled first, with the protocols and the name that the client asks for,
	// and the client gets the protocol that the backend has chosen. It gets HTTP/1.1 as with RefuseHTTP2
	// where several backends are possible, where heads are edited, where the backend speaks no TLS or its
	// TLS is one that HTTP/2 forbids, and where it asks for a certificate.
	AuditHTTP2
)

// The protocols of ALPN that are read (RFC 7301 §6, RFC 9113 §3.3).
const (
	protocolHTTP1 = "http/1.1"
	protocolHTTP2 = "h2"
)

// sound reports whether HTTP/2 may be spoken in TLS of that version with that cipher suite (RFC 9113 §9.2 and
// its appendix A).
func sound(version, suite uint16) bool {
	return version >= tls.VersionTLS13 || version == tls.VersionTLS12 && slices.Contains([]uint16{
		tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
		tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
		tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
	}, suite)
}

// maySpeak reports whether a client can have such TLS.
func maySpeak(hello *tls.ClientHelloInfo) bool {
	return slices.Contains(hello.SupportedVersions, tls.VersionTLS13) ||
		slices.Contains(hello.SupportedVersions, tls.VersionTLS12) &&
			slices.ContainsFunc(hello.CipherSuites, func(suite uint16) bool { return sound(tls.VersionTLS12, suite) })
}

// mirrorTLS is how TLS is spoken with an address of the backend for a client that is to get the protocol which
// the backend chooses. The name that the client asks for is asked for, unless one is configured; the
// certificate must be the one that it must be anyway. The function is called if the backend asks for
// a certificate, and it gets none.
func (b *Backend) mirrorTLS(hello *tls.ClientHelloInfo, address string, asked func()) *tls.Config {
	config := b.dialTLS.Clone()
	config.NextProtos = slices.Clone(hello.SupportedProtos)
	config.ClientSessionCache = b.mirrored
	config.Certificates = nil
	config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		asked()
		return new(tls.Certificate), nil
	}
	if config.ServerName != "" {
		return config
	}
	name := serverName(address)
	config.ServerName = name
	if hello.ServerName == "" || hello.ServerName == name {
		return config
	}
	config.ServerName = hello.ServerName
	if config.InsecureSkipVerify {
		return config
	}
	verify := config.VerifyConnection
	config.InsecureSkipVerify = true // of the name that is asked for: the one of the address is verified here
	config.VerifyConnection = func(s tls.ConnectionState) error {
		if err := verifyAs(name, config, &s); err != nil || verify == nil {
			return err
		}
		return verify(s)
	}
	return config
}
