package probe

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
)

// The faults of a target that are found before the first probe. Each is the Kind of a
// [TargetError].
var (
	ErrUnreachable = errors.New("the backend cannot be reached")
	ErrNoTLS       = errors.New("the backend speaks no TLS")
	ErrWantsTLS    = errors.New("the backend speaks TLS, and was asked without")
	ErrCertificate = errors.New("the certificate of the backend is not trusted")
	ErrTLS         = errors.New("the TLS handshake with the backend failed")
	ErrNotHTTP     = errors.New("the backend does not answer in HTTP")
	ErrOnlyHTTP2   = errors.New("the backend speaks HTTP/2, and was asked in HTTP/1.1")
	ErrNotHTTP2    = errors.New("the backend does not speak HTTP/2")
)

// A TargetError says that a target cannot be probed, and why. No probe has been sent.
type TargetError struct {
	Address string // of the target
	Kind    error  // one of the errors above
	Err     error  // the underlying error; may be nil
}

// Error returns one line: the address, the kind of failure, the underlying error.
func (e *TargetError) Error() string {
	line := fmt.Sprintf("probe %q: %v", e.Address, e.Kind)
	if e.Err != nil {
		line += ": " + e.Err.Error()
	}
	return line
}

// Unwrap makes the kind and the underlying error visible to errors.Is and errors.As.
func (e *TargetError) Unwrap() []error {
	if e.Err == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.Err}
}

// kindOf classifies an error of connecting to the target.
func kindOf(err error) error {
	var record tls.RecordHeaderError
	var certificate *tls.CertificateVerificationError
	var handshake *handshakeError
	switch {
	case errors.As(err, &record):
		return ErrNoTLS
	case errors.As(err, &certificate):
		return ErrCertificate
	case errors.As(err, &handshake):
		return ErrTLS
	}
	return ErrUnreachable
}

// A handshakeError is one of TLS, where the connection itself was made.
type handshakeError struct{ err error }

func (e *handshakeError) Error() string { return e.err.Error() }
func (e *handshakeError) Unwrap() error { return e.err }

// reason returns an error of package net without the operation and the addresses.
func reason(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err
	}
	return err
}
