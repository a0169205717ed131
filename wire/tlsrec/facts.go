package tlsrec

import (
	"fmt"
	"time"
)

// A Side is who sends.
type Side uint8

// The sides.
const (
	Client Side = iota
	Server
)

// String returns client or server.
func (s Side) String() string { return [...]string{"client", "server"}[s] }

// A Type is the type of a record.
type Type uint8

// The types of records.
const (
	CipherSpec Type = iota
	AlertRecord
	Handshake
	Application
	Heartbeat
	Other // any other type
	Types = iota
)

// String returns the name of the type.
func (t Type) String() string {
	return [...]string{"change_cipher_spec", "alert", "handshake", "application_data", "heartbeat", "other"}[t]
}

// firstType is the number of the first of the types (RFC 8446 §5.1).
const firstType = 20

func typeOf(number byte) Type {
	if number < firstType || number >= firstType+byte(Other) {
		return Other
	}
	return Type(number - firstType)
}

// Facts are what the records of a tunnel show. They are a value that their receivers must not change.
type Facts struct {
	Sides  [2]Sent // by Side
	Idle   time.Duration
	IdleAt time.Duration // when the longest time without a byte began, from the 101; see Idle
}

// Sent is what one side sent. Counts stop at 2^32-1.
type Sent struct {
	Records  [Types]int64
	Bytes    int64     // of their content
	Largest  int64     // content of the largest record, as announced
	Versions []Version // those in the heads of records, in ascending order
	Hello    *Hello    // nil if its first record has no hello, or has not come
	Alert    *Alert    // its last one; nil if it sent none that can be told from other records
	Fault    *Fault    // why its bytes are not read from there on; nil if they are sound
	HTTP     bool      // HTTP/1 begins where the fault is
	Lost     bool      // from Read on the bytes were not looked at: there is a fault, or some are missing
	Cut      bool      // the bytes end within a record
	Read     int64     // bytes up to where records were read
}

// All returns the number of records.
func (s *Sent) All() (all int64) {
	for _, n := range s.Records {
		all += n
	}
	return all
}

// A Version is a version of TLS as it is sent.
type Version uint16

// String returns the name of the version.
func (v Version) String() string {
	switch {
	case v == 0x0300:
		return "SSL 3.0"
	case v > 0x0300 && v <= 0x0304:
		return fmt.Sprintf("TLS 1.%d", v-0x0301)
	}
	return fmt.Sprintf("%#04x", uint16(v))
}

// A Hello is the ClientHello or the ServerHello (RFC 8446 §4.1), as far as it is in the first record of
// its side and in the first MaxHello bytes of that.
type Hello struct {
	Versions   []Version // that the client offers, at most MaxListed; the one that the server chose
	Cipher     uint16    // that the server chose
	ServerName string    // of the client (RFC 6066 §3); what is not printable ASCII is escaped
	ALPN       []string  // RFC 7301 §3, at most MaxListed, likewise
}

// The bounds of what is read of a hello.
const (
	MaxHello  = 4 << 10
	MaxListed = 8
)

// An Alert is an alert (RFC 8446 §6).
type Alert struct {
	Sealed      bool // it is encrypted, and what it says is not known
	Fatal       bool
	Description Description
	Last        bool // nothing came after it
	Count       int64
	At          time.Duration // of the last one, from the 101
}

// A Description is what an alert says.
type Description uint8

// CloseNotify is the description of an alert that ends a connection in order.
const CloseNotify Description = 0

// String returns the name of the description (RFC 8446 §6, and those of earlier versions), or its number.
func (d Description) String() string {
	if name, ok := map[Description]string{
		0: "close_notify", 10: "unexpected_message", 20: "bad_record_mac", 21: "decryption_failed", 22: "record_overflow", 30: "decompression_failure",
		40: "handshake_failure", 41: "no_certificate", 42: "bad_certificate", 43: "unsupported_certificate", 44: "certificate_revoked",
		45: "certificate_expired", 46: "certificate_unknown", 47: "illegal_parameter", 48: "unknown_ca", 49: "access_denied", 50: "decode_error",
		51: "decrypt_error", 60: "export_restriction", 70: "protocol_version", 71: "insufficient_security", 80: "internal_error",
		86: "inappropriate_fallback", 90: "user_canceled", 100: "no_renegotiation", 109: "missing_extension", 110: "unsupported_extension",
		111: "certificate_unobtainable", 112: "unrecognized_name", 113: "bad_certificate_status_response", 115: "unknown_psk_identity",
		116: "certificate_required", 120: "no_application_protocol",
	}[d]; ok {
		return name
	}
	return fmt.Sprint(uint8(d))
}

// A Fault is bytes that are not a TLS record, or a record that must not come there.
type Fault struct {
	Kind   FaultKind
	Record int64 // its number, from one, among the records of its side
	Offset int64 // of its first byte, from the 101
	Type   byte  // as it was sent
	Length int64 // as it was announced
}

// A FaultKind says what is wrong.
type FaultKind uint8

// The kinds of faults.
const (
	FaultRecord FaultKind = iota // the bytes are not the head of a record (§5.1)
	FaultLength                  // a record that is too long, or one without content that must have some (§5.1, §5.2)
	FaultFirst                   // the first record of a side has no hello, and is no alert (§4)
	FaultKinds  = iota
)

// String returns the kind in a few words that do not change between releases.
func (k FaultKind) String() string { return [...]string{"record", "length", "first-record"}[k] }
