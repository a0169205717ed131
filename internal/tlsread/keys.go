package tlsread

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"encoding/binary"
	"errors"
	"hash"
)

// keys protect the records of one side, until they change.
type keys struct {
	aead   cipher.AEAD
	iv     []byte
	number uint64 // of the next record
	newest bool   // of TLS 1.3
	secret []byte // of TLS 1.3: what they were made from
}

var errSealed = errors.New("the record cannot be opened")

// explicit is the length of the part of a nonce that is in the record (RFC 5288 §3).
const explicit = 8

// open decrypts a record. It may be called with a record of other keys, which is an error and changes
// nothing. The result is in memory of its own.
func (k *keys) open(head [headSize]byte, content []byte) ([]byte, error) {
	size := k.aead.NonceSize()
	nonce := make([]byte, size)
	copy(nonce, k.iv)
	associated := head[:]
	if len(k.iv) < size {
		if len(content) < explicit {
			return nil, errSealed
		}
		copy(nonce[len(k.iv):], content[:explicit])
		content = content[explicit:]
	} else {
		var number [8]byte
		binary.BigEndian.PutUint64(number[:], k.number)
		for i, b := range number {
			nonce[size-len(number)+i] ^= b
		}
	}
	if len(content) < k.aead.Overhead() {
		return nil, errSealed
	}
	if !k.newest { // RFC 5246 §6.2.3.3
		associated = binary.BigEndian.AppendUint64(nil, k.number)
		associated = append(associated, head[:3]...)
		associated = binary.BigEndian.AppendUint16(associated, uint16(len(content)-k.aead.Overhead()))
	}
	plain, err := k.aead.Open(nil, nonce, content, associated)
	if err != nil {
		return nil, errSealed
	}
	k.number++
	return plain, nil
}

// keysOf returns the keys of TLS 1.3 that a secret gives (RFC 8446 §7.3); nil without a fitting one.
func keysOf(s suite, secret []byte) *keys {
	if len(secret) != s.hash().Size() {
		return nil
	}
	key, iv := expand(s, secret, "key", s.key), expand(s, secret, "iv", s.iv)
	aead, err := s.aead(key)
	if err != nil || iv == nil {
		return nil
	}
	return &keys{aead: aead, iv: iv, newest: true, secret: secret}
}

// next are the keys after a KeyUpdate (RFC 8446 §7.2).
func (k *keys) next(s suite) *keys {
	return keysOf(s, expand(s, k.secret, "traffic upd", s.hash().Size()))
}

// expand is HKDF-Expand-Label without a context (RFC 8446 §7.1).
func expand(s suite, secret []byte, label string, length int) []byte {
	label = "tls13 " + label
	info := binary.BigEndian.AppendUint16(nil, uint16(length))
	info = append(info, byte(len(label)))
	info = append(append(info, label...), 0)
	out, err := hkdf.Expand(s.hash, secret, string(info), length)
	if err != nil {
		return nil
	}
	return out
}

// keysOf12 returns the keys of TLS 1.2 of both sides (RFC 5246 §6.3).
func keysOf12(s suite, secret []byte, client, server random) (both [2]*keys) {
	seed := append(append([]byte("key expansion"), server[:]...), client[:]...)
	block := prf(s.hash, secret, seed, 2*s.key+2*s.iv)
	for side := range both {
		aead, err := s.aead(block[side*s.key:][:s.key])
		if err != nil {
			return [2]*keys{}
		}
		both[side] = &keys{aead: aead, iv: block[2*s.key+side*s.iv:][:s.iv]}
	}
	return both
}

// prf is the pseudorandom function of TLS 1.2, with the label in its seed (RFC 5246 §5).
func prf(h func() hash.Hash, secret, seed []byte, length int) (out []byte) {
	sum := func(parts ...[]byte) []byte {
		m := hmac.New(h, secret)
		for _, p := range parts {
			m.Write(p)
		}
		return m.Sum(nil)
	}
	for a := sum(seed); len(out) < length; a = sum(a) {
		out = append(out, sum(a, seed)...)
	}
	return out[:length]
}
