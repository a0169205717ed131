package tlsread

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"crypto/sha512"
	"hash"

	"golang.org/x/crypto/chacha20poly1305"
)

// A suite is how records are protected.
type suite struct {
	hash func() hash.Hash
	key  int // its length
	iv   int // length of the part of the nonce that is not in the record
	aead func(key []byte) (cipher.AEAD, error)
}

// suiteOf returns the suite of a number, for TLS 1.3 or for 1.2; ok is false if it is not read.
func suiteOf(number uint16, newest bool) (s suite, ok bool) {
	switch number {
	case 0x1301:
		return suite{sha256.New, 16, 12, gcm}, newest
	case 0x1302:
		return suite{sha512.New384, 32, 12, gcm}, newest
	case 0x1303:
		return suite{sha256.New, 32, 12, chacha20poly1305.New}, newest
	case 0x009c, 0x009e, 0xc02b, 0xc02f: // RSA, DHE and ECDHE (RFC 5288, RFC 5289)
		return suite{sha256.New, 16, 4, gcm}, !newest
	case 0x009d, 0x009f, 0xc02c, 0xc030:
		return suite{sha512.New384, 32, 4, gcm}, !newest
	case 0xcca8, 0xcca9, 0xccaa: // RFC 7905
		return suite{sha256.New, 32, 12, chacha20poly1305.New}, !newest
	}
	return suite{}, false
}

func gcm(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}
