package tlsread

// A Reason says why a connection, or the rest of it, is not decrypted.
type Reason uint8

// The reasons. The zero value is none.
const (
	NoReason     Reason = iota
	NoSecrets           // the key log has none of the connection, or not all that are needed
	WrongSecrets        // a record cannot be opened with them
	OldVersion          // TLS 1.1 or older
	OtherSuite          // a cipher suite that is not read
	Renegotiated        // a second handshake in TLS 1.2
	EarlyData           // the server took early data (0-RTT) whose secret is missing, or too much of it
	Malformed           // what is not TLS, or breaks it
	Reasons      = iota
)

// String returns the reason in a few words.
func (r Reason) String() string {
	return [...]string{
		"", "the key log has no secrets for it", "the secrets in the key log do not fit", "TLS 1.1 and older versions are not decrypted",
		"only AES-GCM and ChaCha20-Poly1305 are decrypted", "a renegotiation is not decrypted",
		"its early data (0-RTT) cannot be decrypted", "its records are malformed",
	}[r]
}
